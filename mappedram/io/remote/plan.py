"""What a bulk reader is going to read, cut into requests."""

from threading import Lock
from typing import TYPE_CHECKING

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
        self._starts, self._ends = requests[:, 0], requests[:, 1]
        self._runs = runs
        self._before = np.concatenate(([0], np.cumsum(runs[:, 1] - runs[:, 0])))
        self._ordered = np.zeros(len(requests), bool)
        self._passed = np.cumsum(self._ends - self._starts)
        self._lock = Lock()

    def has(self, start: int, end: int) -> bool:
        """Whether [start, end) lies between the first byte of all ranges and the last."""
        return self.start <= start and end <= self.end

    def wanted(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that requests bring; nobody wants the others."""
        first, stop = self._touching(start, end)
        starts = self._starts[first:stop].clip(min=start).tolist()
        return list(zip(starts, self._ends[first:stop].clip(max=end).tolist(), strict=True))

    def weight(self, start: int, end: int) -> int:
        """Number of bytes of the ranges in [start, end)."""
        return self._until(end) - self._until(start)

    def _until(self, offset: int) -> int:
        """Number of bytes of the ranges before an offset."""
        number = int(self._runs[:, 0].searchsorted(offset, "left"))
        if not number:
            return 0
        beyond = max(0, int(self._runs[number - 1, 1]) - offset)
        return int(self._before[number]) - beyond

    def due(self, start: int, end: int) -> list[tuple[int, int]]:
        """The requests to make now because [start, end) is read; each is returned only once."""
        first, stop = self._touching(start, end)
        passed = int(self._passed[stop - 1]) if stop else 0
        stop = min(stop + 2 * PARALLEL, int(self._passed.searchsorted(passed + AHEAD, "right")))
        with self._lock:
            fresh = (~self._ordered[first:stop]).nonzero()[0] + first
            self._ordered[first:stop] = True
        return list(zip(self._starts[fresh].tolist(), self._ends[fresh].tolist(), strict=True))

    def _touching(self, start: int, end: int) -> tuple[int, int]:
        first = int(self._ends.searchsorted(start, "right"))
        return first, max(first, int(self._starts.searchsorted(end, "left")))
