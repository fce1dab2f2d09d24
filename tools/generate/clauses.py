"""Reads the clauses of `spec/format.md`, and which of them speak of which field."""

import re
from dataclasses import dataclass
from functools import cache

from tools.generate import ksy

SOURCE = ksy.SPEC / "format.md"
#: As many clauses are named beside a field.
_NAMED_MAX = 8

_SECTION = re.compile(r'^<a id="s-([\d.]+)"></a>\n+#+ [\d.]+ (.+)$', re.MULTILINE)
_CLAUSE = re.compile(
    r'^<a id="c-([\d.]+)"></a>\n\*\*\1\*\* (.+?)(?=\n\n|\Z)', re.MULTILINE | re.DOTALL
)
_STRUCTURE = re.compile(r"^<!-- fields: (\w+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Clause:
    """One clause: its number, and its first paragraph on one line."""

    number: str
    text: str

    @property
    def section(self) -> str:
        """The number of the section that holds it."""
        return self.number.rpartition(".")[0]

    @property
    def part(self) -> str:
        """The number of the part that holds it."""
        return self.number.partition(".")[0]


@cache
def clauses() -> tuple[Clause, ...]:
    """All clauses, in order."""
    text = SOURCE.read_text(encoding="utf-8")
    return tuple(Clause(number, " ".join(body.split())) for number, body in _CLAUSE.findall(text))


def sections() -> dict[str, str]:
    """The heading of each section, by number."""
    return dict(_SECTION.findall(SOURCE.read_text(encoding="utf-8")))


def structures() -> dict[str, str]:
    """The section in which the fields of each structure are listed, by the name of the type."""
    text = SOURCE.read_text(encoding="utf-8")
    places = [(match.start(), match[1]) for match in _SECTION.finditer(text)]
    return {
        match[1]: max(place for place in places if place[0] < match.start())[1]
        for match in _STRUCTURE.finditer(text)
    }


def about(section: str, field: str) -> tuple[str, ...]:
    """The clauses that speak of a field of a structure that `section` lists.

    Those of the section go first, then those of its part; where none names the field, the first
    clause of the section stands for all that it says of the structure.
    """
    part = section.partition(".")[0]
    here = [clause for clause in clauses() if clause.section == section]
    around = [clause for clause in clauses() if clause.part == part]
    quoted = re.compile(rf"`{field}`")
    spoken = re.compile(rf"\b{field.removeprefix('len_').replace('_', ' ')}\b")
    found = [clause for clause in here if quoted.search(clause.text)]
    found += [c for c in around if quoted.search(c.text) and c not in found]
    found = found or [clause for clause in here if spoken.search(clause.text)] or here[:1]
    return tuple(clause.number for clause in found[:_NAMED_MAX])
