"""The tables of the page on the verdict, from the table that `mappedram check` uses."""

from mappedram.check.loading import LOADS, TABLE, WORST, Loads, Worst
from mappedram.check.report import EXIT_STATUS

_PLACE = "<!-- table: judgement -->\n"
_REFUSED = "refused, 1"


def with_table(text: str) -> str:
    """The page with its tables inserted."""
    return text.replace(_PLACE, _PLACE + "\n" + tables())


def tables() -> str:
    """One table without a question, one for a question."""
    return (
        _table("Neither `--qemu` nor `--destination`", asked=False)
        + "\n"
        + _table("`--qemu`, `--destination` or both", asked=True)
    )


def _table(title: str, *, asked: bool) -> str:
    head = f"| {title} | {' | '.join(LOADS.values())} |\n|---|{'---|' * len(LOADS)}\n"
    rows = (
        f"| {words} | {' | '.join(_cell(worst, loads, asked=asked) for loads in LOADS)} |\n"
        for worst, words in WORST.items()
    )
    return head + "".join(rows)


def _cell(worst: Worst, loads: Loads, *, asked: bool) -> str:
    verdict = TABLE[worst, loads][asked]
    return _REFUSED if verdict is None else f"{verdict}, {EXIT_STATUS[verdict]}"
