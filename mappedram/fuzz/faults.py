"""Faults: cases that cannot be drawn because of a defect in this package.

A fault spoils one case and does not end a run. `attempt` turns an exception into a `Fault`, and
`Faults` counts them.
"""

import errno
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypedDict, TypeVar

from mappedram.json_types import Json

_Value = TypeVar("_Value")
_PACKAGE = Path(__file__).resolve().parents[1]

#: Errors of the machine, for which the generator is not to blame.
_OF_THE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EIO}
#: Most faults kept of each kind.
_KEPT = 10
#: Most characters kept of the message of an exception.
_ERROR_MAX = 200


class Drawing(NamedTuple):
    """One case to be drawn.

    Attributes:
        case: the case in words: `case 9581 of seed 424242 (wild)`.
        again: how to draw it again: options of a command, or a line of Python.
        number: of the case; None if cases have none.
    """

    case: str
    again: str
    number: int | None = None


class FaultTally(TypedDict):
    """Faults for JSON: their number, and the first of each kind."""

    count: int
    kept: list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that a generator raised instead of drawing a case.

    Attributes:
        drawing: the case.
        error: the exception in one line, such as `IndexError: list index out of range`.
        place: the innermost function of this package, such as `fuzz/numbers.py:84 in _leads_back`.
        trace: the traceback.
    """

    drawing: Drawing
    error: str
    place: str
    trace: str

    @property
    def text(self) -> str:
        """The fault in one line."""
        case, again, _ = self.drawing
        return f"{case} could not be drawn: {self.error} ({self.place}); again: {again}"

    def to_dict(self) -> dict[str, Json]:
        """The fault for JSON."""
        return {
            "case": self.drawing.number,
            "error": self.error,
            "place": self.place,
            "again": self.drawing.again,
            "trace": self.trace,
        }


@dataclass(slots=True)
class Faults:
    """Counts of cases that could not be drawn.

    Attributes:
        count: all of them.
        kept: the first ones of each error and place.
        counts: number of each error and place.
    """

    count: int = 0
    kept: list[Fault] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, fault: Fault) -> bool:
        """Count a fault; return whether it was kept as one of the first of its kind."""
        key = fault.error.partition(":")[0], fault.place
        before = self.counts.get(key, 0)
        self.count += 1
        self.counts[key] = before + 1
        if before < _KEPT:
            self.kept.append(fault)
        return before < _KEPT

    def to_dict(self) -> FaultTally:
        """The number of faults, and those that are kept, for JSON."""
        return {"count": self.count, "kept": [fault.to_dict() for fault in self.kept]}


def attempt(
    draw: Callable[[], _Value], drawing: Drawing, *passed: type[Exception]
) -> _Value | Fault:
    """Return the result of `draw`, or the fault if it raises.

    Args:
        draw: draws one case.
        drawing: describes the case.
        passed: exceptions that are not faults, and are raised again.

    Raises:
        OSError: the machine cannot go on: no space, no memory, no descriptors.
    """
    try:
        return draw()
    except passed:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            raise
        return fault_of(error, drawing)


def fault_of(error: Exception, drawing: Drawing) -> Fault:
    """Turn an exception into a fault."""
    return Fault(
        drawing,
        error=f"{type(error).__name__}: {' '.join(str(error).split())[:_ERROR_MAX]}",
        place=_place(error),
        trace="".join(traceback.format_exception(error)),
    )


def _place(error: Exception) -> str:
    """The innermost function of this package in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    frame = (own or frames)[-1]
    path = Path(frame.filename)
    name = path.relative_to(_PACKAGE).as_posix() if own else path.name
    return f"{name}:{frame.lineno} in {frame.name}"
