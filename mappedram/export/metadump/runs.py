"""Kept ranges of a file, and the file as it reads with only those."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mappedram.io.source import DerivedSource, Source
from mappedram.stream import intervals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

#: Kept ranges are collected as tuples up to this number, then put into an array.
_PENDING_MAX = 1 << 16


class Kept:
    """Ranges of a file that are kept unchanged, and bytes that replace others.

    Everything else is left out. Replacement bytes take precedence over kept ranges.
    """

    def __init__(self) -> None:
        self._arrays: list[Runs] = []
        self._pending: list[tuple[int, int]] = []
        self._literals: dict[int, bytes] = {}

    def keep(self, start: int, end: int) -> None:
        """Keep [start, end) unchanged."""
        if start < end:
            if self._pending and self._pending[-1][1] == start:
                start = self._pending.pop()[0]
            self._pending.append((start, end))
            if len(self._pending) > _PENDING_MAX:
                self._settle()

    def keep_runs(self, runs: "Runs") -> None:
        """Keep all these ranges."""
        self._arrays.append(runs[runs[:, 0] < runs[:, 1]])

    def put(self, offset: int, data: bytes) -> None:
        """Replace the bytes at `offset` by `data`; replacements do not overlap."""
        if data:
            self._literals[offset] = data

    def holds(self, offset: int) -> bool:
        """Whether a byte is kept or replaced."""
        runs, literals = self.runs(), self.literals
        if len(touching(runs, offset, offset + 1)):
            return True
        return any(at <= offset < at + len(data) for at, data in literals)

    def with_ranges(self, ranges: Iterable[tuple[int, int]]) -> "Kept":
        """A copy with more ranges."""
        self._settle()
        more = Kept()
        more._arrays = list(self._arrays)
        more._pending = list(ranges)
        more._literals = self._literals
        return more

    def _settle(self) -> None:
        self._arrays.append(intervals.from_pairs(self._pending))
        self._pending = []

    def runs(self) -> "Runs":
        """Ranges that are kept unchanged: ascending, and no two touch."""
        self._settle()
        runs = intervals.union(*self._arrays)
        self._arrays = [runs]
        return _without(runs, intervals.from_pairs(_ranges(self.literals)))

    @property
    def literals(self) -> list[tuple[int, bytes]]:
        """Replacement bytes: ascending offsets, and bytes."""
        return sorted(self._literals.items())


def _ranges(literals: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    return ((offset, offset + len(data)) for offset, data in literals)


def _without(runs: "Runs", holes: "Runs") -> "Runs":
    """The runs, less the holes."""
    if not len(runs) or not len(holes):
        return runs
    return intervals.intersection(runs, intervals.complement(holes, 0, int(runs[-1, 1]) + 1))


def places_of(runs: "Runs", offset: int, end: int) -> "NDArray[np.int64]":
    """Offsets of all bytes of [offset, end) in one of the runs, relative to `offset`."""
    import numpy as np

    within = runs.clip(offset, end) - offset
    lengths = within[:, 1] - within[:, 0]
    passed = np.cumsum(lengths)
    starts = np.repeat(within[:, 0] - (passed - lengths), lengths)
    return starts + np.arange(len(starts))


def touching(runs: "Runs", start: int, end: int) -> "Runs":
    """Runs that overlap [start, end)."""
    first = int(runs[:, 1].searchsorted(start, "right"))
    return runs[first : max(first, int(runs[:, 0].searchsorted(end, "left")))]


class KeptSource(DerivedSource):
    """A file as it reads with only the kept bytes; holes stay in place."""

    def __init__(self, base: Source, kept: Kept) -> None:
        super().__init__(base)
        self._runs = kept.runs()
        self._literals = kept.literals
        self._offsets = [offset for offset, _ in self._literals]
        self._longest = max((len(data) for _, data in self._literals), default=0)

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only at the end of the file."""
        import numpy as np

        length = max(0, min(length, self.size - offset))
        found = np.zeros(length, np.uint8)
        runs = touching(self._runs, offset, offset + length)
        if len(runs):
            places = places_of(runs, offset, offset + length)
            found[places] = np.frombuffer(self.base.read(offset, length), np.uint8)[places]
        index = bisect_left(self._offsets, offset - self._longest)
        while index < len(self._literals) and self._offsets[index] < offset + length:
            at, data = self._literals[index]
            first, last = max(at, offset), min(at + len(data), offset + length)
            if first < last:
                part = data[first - at : last - at]
                found[first - offset : last - offset] = np.frombuffer(part, np.uint8)
            index += 1
        return found.tobytes()

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that are not holes."""
        return self.base.extents(start, end)
