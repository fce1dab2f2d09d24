"""A driver that runs a second driver on the same bytes and keeps the first difference."""

from collections import Counter
from typing import NamedTuple

from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.typed import Kind, Params, T

#: Structures of each kind that both drivers read. A file of 1 MiB can have two hundred thousand
#: commands, and later differences are unlikely.
COMPARED_MAX = 20_000

#: Values and size of the structure, or the reason why it cannot be read.
Outcome = tuple[object, int] | RefusalError


class Difference(NamedTuple):
    """Results of both drivers for the same bytes."""

    kind: str
    mine: Outcome
    other: Outcome


class ComparedDriver:
    """Reads and writes with the first driver, and compares its results with the second.

    Attributes:
        name: name of the first driver.
        difference: the first difference found; None if there is none.
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
    """The comparable part of an outcome."""
    if isinstance(outcome, RefusalError):
        return outcome.path, outcome.start, outcome.short, outcome.actual
    return outcome
