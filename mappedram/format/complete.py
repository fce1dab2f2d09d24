"""What of a structure need not be said: lengths of names, texts and lists, and constants."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from construct import Construct, Struct, Switch

from mappedram.format.declare import Valid
from mappedram.format.typed import Fields, Value
from mappedram.format.validity import Equals, Scalar

#: A field of the same structure, as Construct writes such a reference.
_FIELD = re.compile(r"this\['(\w+)'\]")


def complete(declaration: Construct, values: Fields) -> dict[str, Value]:
    """The values of all fields, where only some are given: the others as they follow from those.

    A length is that of what the declaration measures by it, and a field that can hold one value
    only has that; any other field is None. What is given stays as it is, so that a length can be
    wrong on purpose.

    Args:
        declaration: a structure of `mappedram.format`.
        values: some of its fields, by name; members that are structures likewise.
    """
    found: dict[str, Any] = {}
    fields, measured = _plan(declaration)
    for name, constant, structures in fields:
        value = values.get(name)
        if value is None:
            value = constant
        elif structures is not None:
            value = _completed(structures.chosen(values), value)
        found[name] = value
    for length, name in measured:
        if found[length] is None and found[name] is not None:
            found[length] = len(found[name])
    return found


def _completed(declaration: Construct, value: Any) -> Any:
    """The value of a field that holds a structure, or several."""
    if isinstance(value, Mapping):
        return complete(declaration, value)
    return [complete(declaration, item) for item in value] if isinstance(value, list) else value


class _Structures(NamedTuple):
    """The structure that a field consists of, or one of several, which another field tells."""

    only: Construct
    told_by: str | None
    cases: Mapping[Any, Construct]

    def chosen(self, values: Mapping[str, Any]) -> Construct:
        """Which it is."""
        return self.only if self.told_by is None else self.cases[values[self.told_by]]


class _Field(NamedTuple):
    """A field: its name, its value if it has only one, and of what structures it consists."""

    name: str
    constant: Scalar | None
    structures: _Structures | None


class _Plan(NamedTuple):
    """The fields of a structure in their order; `measured` are lengths, and of what they are."""

    fields: tuple[_Field, ...]
    measured: tuple[tuple[str, str], ...]


@cache
def _plan(declaration: Construct) -> _Plan:
    structure = next(part for part in _inwards(declaration) if isinstance(part, Struct))
    members = structure.subcons
    measured = ((_length_field(member.subcon), member.name) for member in members)
    return _Plan(
        tuple(
            _Field(member.name, _constant(member.subcon), _structures(member.subcon))
            for member in members
        ),
        tuple((length, name) for length, name in measured if length),
    )


def _constant(subcon: Construct) -> Scalar | None:
    validity = subcon.validity if isinstance(subcon, Valid) else None
    return validity.value if isinstance(validity, Equals) else None


def _structures(subcon: Construct) -> _Structures | None:
    for part in _inwards(subcon):
        if isinstance(part, Struct):
            return _Structures(subcon, None, {})
        if isinstance(part, Switch) and any(map(_structures, part.cases.values())):
            key = _FIELD.fullmatch(repr(part.keyfunc))
            assert key
            return _Structures(subcon, key[1], part.cases)
    return None


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


@cache
def measures(declaration: Construct) -> Mapping[str, str]:
    """The fields whose length, or number of members, another field says: that one, by name."""
    return {name: length for length, name in _plan(declaration).measured}


@cache
def lengths(declaration: Construct) -> frozenset[str]:
    """The fields of a structure that say how long others are."""
    return frozenset(measures(declaration).values())
