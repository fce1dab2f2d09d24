"""Cards of `spec/errata.md`: defects of programs that write or load mapped-ram files."""

import re
from dataclasses import dataclass
from functools import cache

from mappedram.format.specification.files import FILES

_CARD = re.compile(
    r'^<a id="e-\d+"></a>\n+## (E-\d+) (\S+)\n+(.+?)(?=\n+<a |\s*\Z)', re.MULTILINE | re.DOTALL
)
_FIELD = re.compile(r"^- \*\*(.+?):\*\* (.+?)(?=^- \*\*|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Erratum:
    """One defect.

    Attributes:
        code: stable code, such as `E-001`.
        name: name of the defect, in kebab-case.
        fields: texts in Markdown by title: `Component`, `Symptom`, `In the file`, `Remedy`,
            `Source`.
    """

    code: str
    name: str
    fields: dict[str, str]


@cache
def errata() -> dict[str, Erratum]:
    """All cards by code, in order."""
    return {
        code: Erratum(code, name, {title: " ".join(text.split()) for title, text in fields})
        for code, name, card in _CARD.findall(FILES["errata.md"].text)
        if (fields := _FIELD.findall(card))
    }
