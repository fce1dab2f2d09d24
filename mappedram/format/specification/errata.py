"""The cards of `spec/errata.md`, each a defect of a program that writes or loads such files."""

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
        code: stable, such as `E-001`.
        name: names the defect, in kebab-case.
        fields: what is told of it, in Markdown, by title: `Component`, `Symptom`, `In the file`,
            `Remedy`, `Source`.
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
