"""The first difference between the two drivers, with its place in the file."""

from typing import cast

from mappedram.check.finding import Defect, Place
from mappedram.errors import FormatError
from mappedram.format.drivers.base import RefusalError
from mappedram.format.drivers.compared import ComparedDriver, Difference, Outcome
from mappedram.format.typed import Fields
from mappedram.stream.model import Stream

#: Longest value that a message shows.
_SHOWN_MAX = 60
_NOWHERE = Place(None, None, "")


def first_difference(driver: ComparedDriver, reading: Stream | FormatError) -> Defect | None:
    """The first difference between the drivers while reading a file; None if they agree.

    Args:
        driver: the driver that read the file.
        reading: the parsed stream, or the error.
    """
    difference = driver.difference
    if difference is None:
        return None
    place = _place(difference, reading)
    mine, other = difference.mine, difference.other
    if not isinstance(mine, RefusalError) and not isinstance(other, RefusalError):
        values, others = cast("Fields", mine[0]), cast("Fields", other[0])
        for name, value in values.items():
            if value != others.get(name):
                return _defect(name, value, others.get(name), place)
    return _defect(f"a {difference.kind}", _said(mine), _said(other), place)


def _place(difference: Difference, reading: Stream | FormatError) -> Place:
    """Place of the structure; no place if the reader only probed for it."""
    refusal = reading if isinstance(reading, FormatError) else reading.stopped
    if isinstance(difference.mine, RefusalError):
        return Place(refusal.offset, None, refusal.path) if refusal else _NOWHERE
    values, length = difference.mine
    for element in () if isinstance(reading, FormatError) else reading.elements:
        if element.values is values:
            return Place(element.offset, length, element.path)
    return _NOWHERE


def _said(outcome: Outcome) -> str:
    if not isinstance(outcome, RefusalError):
        return f"{outcome[1]:#x} bytes"
    return f"{outcome.path} {'truncated' if outcome.short else 'refused'}"


def _defect(what: str, mine: object, other: object, place: Place) -> Defect:
    mine, other = (str(value)[:_SHOWN_MAX] for value in (mine, other))
    message = f"the two drivers disagree on {what}: one has {mine!r}, the other {other!r}"
    return Defect(message, place, expected=mine, actual=other)
