"""What of a structure need not be said: lengths of names, texts and lists, and constants."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from construct import Construct, Struct

from mappedram.layout.declare import Valid
from mappedram.layout.typed import Fields, Value
from mappedram.layout.validity import Equals, Scalar

#: A field of the same structure, as Construct writes such a reference.
_FIELD = re.compile(r"this\['(\w+)'\]")


def complete(declaration: Construct, values: Fields) -> dict[str, Value]:
    """The values of all fields, where only some are given: the others as they follow from those.

    A length is that of what the declaration measures by it, and a field that can hold one value
    only has that; any other field is None. What is given stays as it is, so that a length can be
    wrong on purpose.

    Args:
        declaration: a structure of `mappedram.layout`.
        values: some of its fields, by name; members that are structures likewise.
    """
    found: dict[str, Any] = {}
    lengths: list[tuple[str, str]] = []
    for name, subcon, length, constant in _fields(declaration):
        value = values.get(name)
        if value is None:
            value = constant
        if isinstance(value, Mapping):
            value = complete(_chosen(subcon, values), value)
        elif isinstance(value, list):
            value = [complete(_chosen(subcon, values), item) for item in value]
        found[name] = value
        if length and value is not None:
            lengths.append((length, name))
    for length, name in lengths:
        if found[length] is None:
            found[length] = len(found[name])
    return found


@cache
def _fields(declaration: Construct) -> tuple["_Field", ...]:
    structure = next(part for part in _inwards(declaration) if isinstance(part, Struct))
    return tuple(
        _Field(member.name, member.subcon, _length_field(member.subcon), _constant(member.subcon))
        for member in structure.subcons
    )


class _Field(NamedTuple):
    """A field: its name and declaration, what says how long it is, and its value if it has one."""

    name: str
    subcon: Construct
    length: str | None
    constant: Scalar | None


def _constant(subcon: Construct) -> Scalar | None:
    validity = subcon.validity if isinstance(subcon, Valid) else None
    return validity.value if isinstance(validity, Equals) else None


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


def _chosen(subcon: Construct, values: Fields) -> Construct:
    """The structure that a field holds, where another one says which."""
    for part in _inwards(subcon):
        cases = getattr(part, "cases", None)
        if cases:
            key = _FIELD.fullmatch(repr(part.keyfunc))
            assert key
            return cases[values[key[1]]]
    return subcon


@cache
def measures(declaration: Construct) -> Mapping[str, str]:
    """The fields whose length, or number of members, another field says: that one, by name."""
    return {field.name: field.length for field in _fields(declaration) if field.length}


def lengths(declaration: Construct) -> frozenset[str]:
    """The fields of a structure that say how long others are."""
    return frozenset(measures(declaration).values())
