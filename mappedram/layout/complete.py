"""What follows from other values of a structure: the lengths of its names, texts and lists."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from construct import Construct, Struct

#: A field of the same structure, as Construct writes such a reference.
_FIELD = re.compile(r"this\['(\w+)'\]")


def complete(declaration: Construct, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all fields, where only some are given: the others as they follow from those.

    A length is that of what the declaration measures by it; any other field is None. What is given
    stays as it is, so that a length can be wrong on purpose.

    Args:
        declaration: a structure of `mappedram.layout`.
        values: some of its fields, by name; members that are structures likewise.
    """
    found: dict[str, Any] = {}
    for name, subcon in _fields(declaration):
        value = values.get(name)
        if isinstance(value, Mapping):
            value = complete(_chosen(subcon, values), value)
        elif isinstance(value, list):
            value = [complete(_chosen(subcon, values), item) for item in value]
        found[name] = value
    for name, subcon in _fields(declaration):
        length = _length_field(subcon)
        if length and found[length] is None and found[name] is not None:
            found[length] = len(found[name])
    return found


def _fields(declaration: Construct) -> Iterator[tuple[str, Construct]]:
    structure = next(part for part in _inwards(declaration) if isinstance(part, Struct))
    for member in structure.subcons:
        yield member.name, member.subcon


def _inwards(subcon: Construct) -> Iterator[Construct]:
    """A field from its outermost wrapping to what is wrapped."""
    while subcon is not None:
        yield subcon
        subcon = getattr(subcon, "subcon", None) or getattr(subcon, "thensubcon", None)


def _length_field(subcon: Construct) -> str | None:
    """The field that says how long this one is."""
    for part in _inwards(subcon):
        for measure in ("length", "count"):
            field = _FIELD.fullmatch(repr(getattr(part, measure, None)))
            if field:
                return field[1]
    return None


def _chosen(subcon: Construct, values: Mapping[str, Any]) -> Construct:
    """The structure that a field holds, where another one says which."""
    for part in _inwards(subcon):
        cases = getattr(part, "cases", None)
        if cases:
            key = _FIELD.fullmatch(repr(part.keyfunc))
            assert key
            return cases[values[key[1]]]
    return subcon
