"""Where two readings of one file differ first."""

from dataclasses import fields

from mappedram.check.finding import Defect, Place
from mappedram.errors import FormatError
from mappedram.model import Element, Stream

Reading = Stream | FormatError

#: Longest value that is shown.
_SHOWN_MAX = 60


def first_difference(mine: Reading, other: Reading) -> Defect | None:
    """The first place at which two readings differ; None where there is none."""
    if mine == other:
        return None
    if isinstance(mine, FormatError) or isinstance(other, FormatError):
        return _in_outcome(mine, other)
    for here, there in zip(mine.elements, other.elements, strict=False):
        if here != there:
            return _in_element(here, there)
    stopped = mine.stopped or other.stopped
    if stopped and mine.stopped != other.stopped:
        return _in_outcome(mine.stopped or mine, other.stopped or other)
    names = [field.name for field in fields(Stream)]
    name = next(name for name in names if getattr(mine, name) != getattr(other, name))
    return _defect(f"the {name}", getattr(mine, name), getattr(other, name), Place(None, None, ""))


def _in_outcome(mine: Reading, other: Reading) -> Defect:
    refusal = mine if isinstance(mine, FormatError) else other
    assert isinstance(refusal, FormatError)
    place = Place(refusal.offset, None, refusal.path)
    return _defect("the file", _outcome(mine), _outcome(other), place)


def _outcome(reading: Reading) -> str:
    return f"refused: {reading}" if isinstance(reading, FormatError) else "read"


def _in_element(here: Element, there: Element) -> Defect:
    place = Place(here.offset, here.length, here.path)
    for name, value in here.values.items():
        if value != there.values.get(name):
            return _defect(name, value, there.values.get(name), place)
    return _defect("a structure", f"{here.kind} of {here.length:#x} bytes", there.path, place)


def _defect(what: str, mine: object, other: object, place: Place) -> Defect:
    mine, other = (str(value)[:_SHOWN_MAX] for value in (mine, other))
    message = f"the two drivers disagree on {what}: one has {mine!r}, the other {other!r}"
    return Defect(message, place, expected=mine, actual=other)
