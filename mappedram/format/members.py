"""Introspection of a declared record: the type, permitted values and conditions of its fields."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from construct import Array, Construct, IfThenElse, Renamed, StringEncoded, Struct, Switch

from mappedram.format.declare import Field, Valid
from mappedram.format.judged import FieldRule
from mappedram.format.validity import ByParams, Equals, Scalar, Validity

#: A reference to a field of the same structure, in Construct's notation.
_FIELD = re.compile(r"this\['(\w+)'\]")


@dataclass(frozen=True)
class Member:
    """One field of a record.

    Attributes:
        name: its name in QEMU's spelling.
        docs: its meaning.
        core: its declaration without rules and condition.
        validity: permitted values; None for anything.
        condition: whether it is present, given the context; None if it always is.
        rules: rules about it that do not stop a reader.
    """

    name: str
    docs: str
    core: Construct
    validity: Validity | ByParams | None
    condition: Callable[[Any], bool] | None
    rules: tuple[FieldRule, ...]

    @property
    def structures(self) -> tuple[Construct, ...]:
        """Structures that the field may contain: one, one of several, or a list of one."""
        core = self.core.subcon if isinstance(self.core, Array) else self.core
        cases = core.cases.values() if isinstance(core, Switch) else (core,)
        return tuple(case for case in cases if isinstance(case, Struct))

    @cached_property
    def length(self) -> str | None:
        """Name of the field that holds the number of bytes, characters or members of this one."""
        core = self.core.subcon if isinstance(self.core, StringEncoded) else self.core
        return _field(core.count if isinstance(core, Array) else getattr(core, "length", None))

    @cached_property
    def constant(self) -> Scalar | None:
        """The only value that it can have; None if it can have others, or be absent."""
        if self.condition is None and isinstance(self.validity, Equals):
            return self.validity.value
        return None

    @cached_property
    def chooser(self) -> str | None:
        """Name of the field that selects one of several structures."""
        return _field(self.core.keyfunc) if isinstance(self.core, Switch) else None

    def chosen(self, values: Mapping[str, Any]) -> Construct:
        """The structure that the field contains if its owner holds `values`.

        Raises:
            KeyError: the selecting field is missing, or selects none of the structures.
        """
        if self.chooser is None:
            return self.structures[0]
        structure: Construct = self.core.cases[values[self.chooser]]
        return structure


@cache
def members(record: Construct) -> tuple[Member, ...]:
    """Fields of a record or of its structure, in the order of the bytes."""
    structure = record.subcon if isinstance(record, Renamed) else record
    return tuple(map(_member, structure.subcons))


def member(record: Construct, path: str) -> Member:
    """Field of a record or of an inner structure by path, such as `mapped_ram/version`.

    Raises:
        KeyError: there is no such field.
    """
    name, _, rest = path.partition("/")
    name = name.partition("[")[0]
    for found in members(record):
        if found.name == name and not rest:
            return found
        for structure in found.structures if found.name == name else ():
            try:
                return member(structure, rest)
            except KeyError:
                continue
    raise KeyError(path)


def _field(expression: object) -> str | None:
    """Name of the field, if `expression` is a reference to one field of the same structure."""
    field = _FIELD.fullmatch(repr(expression))
    return field[1] if field else None


def _member(field: Field) -> Member:
    core, validity, condition = field.subcon, None, None
    while isinstance(core, IfThenElse | Valid):
        if isinstance(core, Valid):
            core, validity = core.subcon, core.validity
        else:
            core, condition = core.thensubcon, core.condfunc
    return Member(field.name, field.docs, core, validity, condition, field.rules)
