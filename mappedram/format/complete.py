"""Derive omitted fields of a structure: constants, and lengths of names, texts and lists."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from construct import Construct

from mappedram.format.members import members
from mappedram.format.typed import Fields, Value


def complete(declaration: Construct, values: Fields) -> dict[str, Value]:
    """Fill in the fields of a structure that `values` omits.

    An omitted length field gets the length of the field that it measures. An omitted field with
    only one valid value gets that value. Any other omitted field is None. Given values are never
    changed, so that a length can be wrong on purpose.

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
    """Map each field of variable size to the field that holds its length or number of members."""
    return {field.name: field.length for field in members(declaration) if field.length}


@cache
def lengths(declaration: Construct) -> frozenset[str]:
    """Names of the fields that hold the length of another field."""
    return frozenset(measures(declaration).values())
