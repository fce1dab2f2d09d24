"""Rules about one field that do not stop a reader; `mappedram.check` judges files by them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from construct import Construct

from mappedram.layout.validity import Shown, Validity

#: Fields of a structure by name.
Values = Mapping[str, Any]


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
    validity: Validity | Callable[[Values], Validity | None]
    severity: Severity
    clause: str
    where: Mapping[str, Validity] = field(default_factory=dict)
    shown: Shown = str

    def demanded(self, values: Values) -> Validity | None:
        """What the field should hold in a structure with these values; None for anything."""
        for path, validity in self.where.items():
            value = _at(values, path)
            if value is None or not validity.accepts(value):
                return None
        return self.validity if isinstance(self.validity, Validity) else self.validity(values)


@dataclass(frozen=True)
class Judged:
    """A field with the rules about it, as an argument of `mappedram.layout.declare.record`."""

    subcon: Construct
    rules: tuple[FieldRule, ...]


def judged(subcon: Construct, *rules: FieldRule) -> Judged:
    """A field with rules about it."""
    return Judged(subcon, rules)


def _at(values: Values, path: str) -> Any:
    """What stands at a path; None where nothing does."""
    found: Any = values
    for step in path.split("/"):
        if found is None:
            return None
        found = found[step]
    return found
