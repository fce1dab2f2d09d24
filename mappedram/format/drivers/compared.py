"""One driver that reads, and another one that is asked the same: where do they differ first?"""

from collections import Counter
from typing import NamedTuple

from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.typed import Kind, Params, T

#: Structures of one kind that both read. A file of 1 MiB can have two hundred thousand commands,
#: and what the drivers do not differ in after so many, they hardly do later.
COMPARED_MAX = 20_000

#: The values of the structure and its length, or why it cannot be read.
Outcome = tuple[object, int] | RefusalError


class Difference(NamedTuple):
    """What each driver made of the same bytes."""

    kind: str
    mine: Outcome
    other: Outcome


class ComparedDriver:
    """Reads and writes with the first driver.

    Attributes:
        name: that of the first driver.
        difference: the first one that there was.
    """

    def __init__(self, driver: Driver, other: Driver) -> None:
        self.name = driver.name
        self.difference: Difference | None = None
        self._driver = driver
        self._other = other
        self._counts: Counter[str] = Counter()

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """See `Driver.parse`."""
        mine = _outcome(self._driver, kind, data, params)
        if self.difference is None and self._counts[kind] < COMPARED_MAX:
            self._counts[kind] += 1
            other = _outcome(self._other, kind, data, params)
            if _told(mine) != _told(other):
                self.difference = Difference(kind, mine, other)
        if isinstance(mine, RefusalError):
            raise mine
        return mine

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """See `Driver.spans`."""
        return self._driver.spans(kind, data, params)

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """See `Driver.build`."""
        return self._driver.build(kind, values, params)


def _outcome(
    driver: Driver, kind: Kind[T], data: bytes, params: Params
) -> tuple[T, int] | RefusalError:
    try:
        return driver.parse(kind, data, params)
    except RefusalError as refusal:
        return refusal


def _told(outcome: Outcome) -> object:
    """What can be compared of an outcome."""
    if isinstance(outcome, RefusalError):
        return outcome.path, outcome.start, outcome.short, outcome.actual
    return outcome
