"""Rules about one field that do not stop a reader; `mappedram.check` judges files by them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Never, cast

from construct import Construct

from mappedram.format.typed import Fields, Value
from mappedram.format.validity import Scalar, Shown, Validity

#: What a field should hold, None for anything, given the fields of its structure; each function
#: takes those of one kind.
Depending = Callable[[Never], Validity | None]


class Severity(StrEnum):
    """What a finding means for whoever wants to load the file."""

    #: A QEMU refuses the file or restores wrong memory, or data is lost.
    ERROR = "error"
    #: The file loads, but no known writer emits it.
    WARNING = "warning"
    #: Legal and notable.
    INFO = "info"


@dataclass(frozen=True)
class FieldRule:
    """What a field should hold, though a reader takes other values as well.

    Attributes:
        code: code of the rule; its name and its texts stand in `mappedram.check`.
        validity: what it should hold; or what gives that, None for anything, from the fields of
            its structure.
        severity: that of its findings.
        clause: the clause of spec/format.md that demands it.
        where: the rule holds only where these fields of the structure hold what they say; a path
            such as `mapped_ram/page_size` leads into a structure within it.
        shown: how findings write values of the field.
    """

    code: str
    validity: Validity | Depending
    severity: Severity
    clause: str
    where: Mapping[str, Validity] = field(default_factory=dict)
    shown: Shown = str

    def broken(self, value: Scalar, values: Fields) -> Validity | None:
        """What the field should hold and does not; None where all is well.

        Args:
            value: that of the field.
            values: those of its structure.
        """
        if self._accepted and self._accepted(value):
            return None  # as nearly always
        for steps, condition in self._conditions:
            other: Value = values
            for step in steps:
                other = other[step] if isinstance(other, Mapping) else None
            if other is None or not condition.accepts(other):
                return None
        if isinstance(self.validity, Validity):
            return self.validity
        demanded = cast("Callable[[Fields], Validity | None]", self.validity)(values)
        return None if demanded is None or demanded.accepts(value) else demanded

    @cached_property
    def _accepted(self) -> Callable[[Value], bool] | None:
        """Whether a value is right whatever the structure holds; None where that depends on it."""
        return self.validity.accepts if isinstance(self.validity, Validity) else None

    @cached_property
    def _conditions(self) -> tuple[tuple[list[str], Validity], ...]:
        return tuple((path.split("/"), validity) for path, validity in self.where.items())


class Judged(NamedTuple):
    """A field with the rules about it, as an argument of `mappedram.format.declare.record`."""

    subcon: Construct
    rules: tuple[FieldRule, ...]


def judged(subcon: Construct, *rules: FieldRule) -> Judged:
    """A field with rules about it."""
    return Judged(subcon, rules)
