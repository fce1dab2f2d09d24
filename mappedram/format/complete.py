"""What of a structure need not be said: lengths of names, texts and lists, and constants."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from construct import Construct

from mappedram.format.members import members
from mappedram.format.typed import Fields, Value


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
    for field in members(declaration):
        value = values.get(field.name)
        if value is None:
            value = field.constant
        elif isinstance(value, Mapping):
            value = complete(field.chosen(values), value)
        elif isinstance(value, list):
            value = [complete(field.chosen(values), item) for item in value]
        found[field.name] = value
    for name, length in measures(declaration).items():
        if found[length] is None and found[name] is not None:
            found[length] = len(found[name])
    return found


@cache
def measures(declaration: Construct) -> Mapping[str, str]:
    """The fields whose length, or number of members, another field says: that one, by name."""
    return {field.name: field.length for field in members(declaration) if field.length}


@cache
def lengths(declaration: Construct) -> frozenset[str]:
    """The fields of a structure that say how long others are."""
    return frozenset(measures(declaration).values())
