"""The clauses of `spec/format.md`, and the sections that hold them."""

import re
from dataclasses import dataclass
from functools import cache

from mappedram.format.specification.files import FILES

_SECTION = re.compile(r'^<a id="s-([\d.]+)"></a>\n+#+ [\d.]+ (.+)$', re.MULTILINE)
#: A clause ends before the next clause, a heading, or a note about QEMU.
_CLAUSE = re.compile(
    r'^<a id="c-([\d.]+)"></a>\n\*\*\1\*\* (.+?)(?=\n+(?:<|#|>)|\s*\Z)', re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Clause:
    """One clause: its number, and its text in Markdown."""

    number: str
    text: str

    @property
    def first(self) -> str:
        """Its first paragraph, on one line."""
        return " ".join(self.text.partition("\n\n")[0].split())

    @property
    def section(self) -> str:
        """The number of the section that holds it."""
        return self.number.rpartition(".")[0]

    @property
    def part(self) -> str:
        """The number of the part that holds it."""
        return self.number.partition(".")[0]


@dataclass(frozen=True)
class ClauseSection:
    """A section: its number, its heading, and its text in Markdown."""

    number: str
    heading: str
    text: str


@cache
def clauses() -> dict[str, Clause]:
    """All clauses by number, in order."""
    found = _CLAUSE.findall(FILES["format.md"].text)
    return {number: Clause(number, text) for number, text in found}


@cache
def sections() -> dict[str, ClauseSection]:
    """All sections by number, in order; a part, such as 4, ends at its first section."""
    text = FILES["format.md"].text
    places = list(_SECTION.finditer(text))
    ends = [*(match.start() for match in places[1:]), len(text)]
    return {
        match[1]: ClauseSection(match[1], match[2], text[match.end() : end].strip())
        for match, end in zip(places, ends, strict=True)
    }
