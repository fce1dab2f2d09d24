"""Rules about one field that do not stop a reader; `mappedram.check` judges files by them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Never, cast

from construct import Construct

from mappedram.format.typed import Fields, Value
from mappedram.format.validity import Scalar, Shown, Validity

#: Expected values of a field, given the fields of its structure; None for anything. Each function
#: takes the fields of one kind of structure.
Depending = Callable[[Never], Validity | None]


class Severity(StrEnum):
    """Consequence of a finding for loading the file."""

    #: A release of QEMU refuses the file or restores wrong memory, or data is lost.
    ERROR = "error"
    #: The file loads, but no known writer emits it.
    WARNING = "warning"
    #: Legal and notable.
    INFO = "info"


@dataclass(frozen=True)
class FieldRule:
    """Rule about one field; a reader also accepts values that break it.

    Attributes:
        code: code of the rule; `mappedram.check` has its name and texts.
        validity: what the field should hold, or a function that derives it from the structure's
            fields and returns None for anything.
        severity: severity of its findings.
        clause: the clause of spec/format.md that demands it.
        where: conditions: the rule applies only if these fields of the structure hold such values;
            a path such as `mapped_ram/page_size` leads into an inner structure.
        shown: formats values of the field in findings.
    """

    code: str
    validity: Validity | Depending
    severity: Severity
    clause: str
    where: Mapping[str, Validity] = field(default_factory=dict)
    shown: Shown = str

    def broken(self, value: Scalar, values: Fields) -> Validity | None:
        """Return what the field should hold if `value` breaks the rule, else None.

        Args:
            value: value of the field.
            values: all values of its structure.
        """
        if self._accepted and self._accepted(value):
            return None  # the most common case
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
        """Check of a value alone; None if the rule depends on other fields."""
        return self.validity.accepts if isinstance(self.validity, Validity) else None

    @cached_property
    def _conditions(self) -> tuple[tuple[list[str], Validity], ...]:
        return tuple((path.split("/"), validity) for path, validity in self.where.items())


class Judged(NamedTuple):
    """A field with the rules about it, as an argument of `mappedram.format.declare.record`."""

    subcon: Construct
    rules: tuple[FieldRule, ...]


def judged(subcon: Construct, *rules: FieldRule) -> Judged:
    """Attach rules to a field."""
    return Judged(subcon, rules)
