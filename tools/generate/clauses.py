"""Find the clauses of `spec/format.md` about each field."""

import re

from mappedram.format.specification import clauses, sections

#: Most clauses named beside a field.
_NAMED_MAX = 8

_STRUCTURE = re.compile(r"^<!-- fields: (\w+) -->$", re.MULTILINE)


def structures() -> dict[str, str]:
    """The section with the fields of each structure, by the name of the type."""
    return {
        name: section.number
        for section in sections().values()
        for name in _STRUCTURE.findall(section.text)
    }


def about(section: str, field: str) -> tuple[str, ...]:
    """The clauses about a field of a structure that `section` lists.

    Those of the section come first, then those of its part. If none names the field, the first
    clause of the section is used, which is about the structure.
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
