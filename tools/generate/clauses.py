"""Which clauses of `spec/format.md` speak of which field."""

import re

from mappedram.format.specification import clauses, sections

#: As many clauses are named beside a field.
_NAMED_MAX = 8

_STRUCTURE = re.compile(r"^<!-- fields: (\w+) -->$", re.MULTILINE)


def structures() -> dict[str, str]:
    """The section in which the fields of each structure are listed, by the name of the type."""
    return {
        name: section.number
        for section in sections().values()
        for name in _STRUCTURE.findall(section.text)
    }


def about(section: str, field: str) -> tuple[str, ...]:
    """The clauses that speak of a field of a structure that `section` lists.

    Those of the section go first, then those of its part; where none names the field, the first
    clause of the section stands for all that it says of the structure.
    """
    part = section.partition(".")[0]
    here = [clause for clause in clauses().values() if clause.section == section]
    around = [clause for clause in clauses().values() if clause.part == part]
    quoted = re.compile(rf"`{field}`")
    spoken = re.compile(rf"\b{field.removeprefix('len_').replace('_', ' ')}\b")
    found = [clause for clause in here if quoted.search(clause.first)]
    found += [c for c in around if quoted.search(c.first) and c not in found]
    found = found or [clause for clause in here if spoken.search(clause.first)] or here[:1]
    return tuple(clause.number for clause in found[:_NAMED_MAX])
