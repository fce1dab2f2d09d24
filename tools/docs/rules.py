"""The page of the rules of `mappedram check`: one anchor for each code."""

from collections.abc import Iterator
from itertools import groupby

from mappedram.check import RULES, Rule

_BANDS = {
    "MR0": "Envelope and framing",
    "MR1": "List of RAM blocks",
    "MR2": "Mapped-ram header",
    "MR3": "Bitmap",
    "MR4": "Regions",
    "MR5": "Save image of libvirt",
}
_SEVERITIES = """\
| severity | means |
|---|---|
| error | a QEMU release refuses the file or restores wrong memory, or data is lost |
| warning | the file loads, but no known writer emits it |
| info | valid but notable |
"""


def page() -> str:
    """All rules, by the part of the file that they check."""
    bands = groupby(RULES.values(), key=lambda rule: rule.code[:3])
    parts = [f"## {_BANDS[band]}\n\n{''.join(map(_rule, rules))}" for band, rules in bands]
    return (
        "# Rules\n\n"
        f"This page lists the {len(RULES)} rules of `mappedram check`. Codes are stable and never"
        " reused. `mappedram explain CODE` prints a rule on the command line, with the text of its"
        " clause and errata.\n\n"
        f"{_SEVERITIES}\n{_table()}\n{''.join(parts)}"
    )


def _table() -> str:
    rows = (f"| [{r.code}](#{r.code}) | {r.severity} | {r.defect} |" for r in RULES.values())
    return "\n".join(("| code | severity | defect |", "|---|---|---|", *rows, ""))


def _rule(rule: Rule) -> str:
    return "\n\n".join(_paragraphs(rule)) + "\n\n"


def _paragraphs(rule: Rule) -> Iterator[str]:
    yield f'<a id="{rule.code}"></a>'
    yield f"### {rule.code} {rule.name}"
    yield f"{rule.defect} _Required:_ {rule.summary}"
    yield f"_Why:_ {rule.why}"
    yield f"_What to do:_ {rule.remedy}"
    cards = ", ".join(f"[{code}](errata.md#{code.lower()})" for code in rule.errata)
    yield (
        f"_Severity:_ {rule.severity}. _Clause:_ [{rule.clause}](format.md#c-{rule.clause})."
        f"{f' _Errata:_ {cards}.' if cards else ''} _QEMU:_ `{rule.qemu}`."
    )
