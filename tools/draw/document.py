"""The table in docs/fuzzing.md: number of cases of each kind drawn by each Python."""

import re
from collections.abc import Iterator, Sequence

from tools import keeping
from tools.draw import ledger
from tools.draw.kinds import KINDS
from tools.draw.ledger import WANTED, Entry

PAGE = keeping.ROOT / "docs" / "fuzzing.md"
#: Markers around the table.
BEGIN = "<!-- Written by `python -m tools.draw --document` from published.json; do not edit. -->\n"
END = "<!-- End of what is written. -->\n"
_WRITTEN = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)


def page(before: str, entries: Sequence[Entry]) -> str:
    """The page with its table updated.

    Raises:
        ValueError: it has no markers.
    """
    table = "\n" + "\n".join(_lines(entries)) + "\n\n"
    found, places = _WRITTEN.subn(lambda _: table, before)
    if places != 1:
        raise ValueError(f"{PAGE.name}: expected one place for the table, found {places}")
    return found


def _lines(entries: Sequence[Entry]) -> Iterator[str]:
    yield f"| Python | cases | kinds with {WANTED:,} | fewest of a kind | faults | commits |"
    yield "|---|---:|---:|---|---:|---|"
    faults = ledger.faults(entries)
    for minor in sorted({ledger.numbers(entry.python) for entry in entries}):
        of_it = [entry for entry in entries if ledger.numbers(entry.python) == minor]
        drawn = ledger.totals(of_it, KINDS, of_it[0].python)
        least = min(drawn, key=lambda kind: drawn[kind])
        whole = sum(number >= WANTED for number in drawn.values())
        cells = (
            ", ".join(sorted({entry.python for entry in of_it})),
            f"{sum(drawn.values()):,}",
            f"{whole} of {len(KINDS)}",
            f"{least}: {drawn[least]:,}",
            f"{sum(entry in of_it for entry, _ in faults):,}",
            ", ".join(sorted({entry.commit for entry in of_it})),
        )
        yield f"| {' | '.join(cells)} |"


def write() -> None:
    """Update the table from the published ledger."""
    entries = ledger.read(ledger.PUBLISHED)
    keeping.replace(PAGE, page(PAGE.read_text(encoding="utf-8"), entries))
