"""What a bulk reader is going to read, cut into requests."""

from array import array
from bisect import bisect_left, bisect_right
from threading import Lock
from typing import TYPE_CHECKING, Any

from mappedram.io.spans import cut

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes of one request at most.
REQUEST = 4 << 20
#: Requests at a time.
PARALLEL = 16
#: Gaps that are always, and never, fetched along with what is on both sides of them, in bytes.
_GAP_MIN, _GAP_MAX = 64 << 10, 1 << 20
#: Bytes that a usual connection brings in a second: what latency costs.
_RATE = 100_000_000
#: Bytes to fetch ahead of the reader that is furthest.
AHEAD = 32 << 20


def gap_for(latency: float) -> int:
    """The longest gap that is cheaper to fetch than to skip, in bytes.

    Args:
        latency: seconds that a short request takes.
    """
    return min(_GAP_MAX, max(_GAP_MIN, int(latency * _RATE / PARALLEL)))


class Plan:
    """Ranges that are read in order, by threads that take turns.

    Args:
        runs: the ranges in ascending order, at least one.
        times: how often each is read before the next one.
        gap: the longest gap that is fetched along.

    Attributes:
        times: as given.
        start: offset of the first byte of all ranges.
        end: end of the last range, exclusive.
    """

    def __init__(self, runs: "Runs", times: int, gap: int) -> None:
        import numpy as np

        self.times = times
        apart = np.flatnonzero(runs[1:, 0] - runs[:-1, 1] > gap) + 1
        starts = runs[np.concatenate(([0], apart)), 0]
        ends = runs[np.concatenate((apart - 1, [len(runs) - 1])), 1]
        requests = cut(np.stack((starts, ends), axis=1), REQUEST)
        self.start, self.end = int(starts[0]), int(ends[-1])
        self._starts, self._ends = _column(requests[:, 0]), _column(requests[:, 1])
        self._run_starts, self._run_ends = _column(runs[:, 0]), _column(runs[:, 1])
        self._before = _column(np.concatenate(([0], np.cumsum(runs[:, 1] - runs[:, 0]))))
        self._ordered = bytearray(len(requests))
        self._passed = _column(np.cumsum(requests[:, 1] - requests[:, 0]))
        self._lock = Lock()

    def has(self, start: int, end: int) -> bool:
        """Whether [start, end) lies between the first byte of all ranges and the last."""
        return self.start <= start and end <= self.end

    def wanted(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that requests bring; nobody wants the others."""
        first, stop = self._touching(start, end)
        return [
            (max(self._starts[number], start), min(self._ends[number], end))
            for number in range(first, stop)
        ]

    def weight(self, start: int, end: int) -> int:
        """Number of bytes of the ranges in [start, end)."""
        return self._until(end) - self._until(start)

    def _until(self, offset: int) -> int:
        """Number of bytes of the ranges before an offset."""
        number = bisect_left(self._run_starts, offset)
        if not number:
            return 0
        return self._before[number] - max(0, self._run_ends[number - 1] - offset)

    def due(self, start: int, end: int) -> list[tuple[int, int]]:
        """The requests to make now because [start, end) is read; each is returned only once."""
        first, stop = self._touching(start, end)
        passed = self._passed[stop - 1] if stop else 0
        stop = min(stop + 2 * PARALLEL, bisect_right(self._passed, passed + AHEAD))
        with self._lock:
            fresh = [number for number in range(first, stop) if not self._ordered[number]]
            for number in fresh:
                self._ordered[number] = True
        return [(self._starts[number], self._ends[number]) for number in fresh]

    def _touching(self, start: int, end: int) -> tuple[int, int]:
        first = bisect_right(self._ends, start)
        return first, max(first, bisect_left(self._starts, end))


def _column(values: Any) -> "array[int]":
    """Numbers for single searches, which take NumPy several times as long."""
    return array("q", values.astype("int64").tobytes())
