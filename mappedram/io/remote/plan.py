"""What a bulk reader is going to read, cut into requests."""

from threading import Lock
from typing import TYPE_CHECKING

from mappedram.io.spans import cut

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes of one request at most.
REQUEST = 4 << 20
#: A gap of at most this many bytes is fetched along: about what a connection brings in the time
#: that a request of its own would take.
_GAP = 128 << 10
#: Bytes to fetch ahead of all readers together.
AHEAD = 32 << 20


class Plan:
    """Ranges that several threads read, each in order from some place on.

    Args:
        runs: the ranges in ascending order, at least one.
        channels: number of threads.
        times: how often each is read before the next one.

    Attributes:
        times: as given.
        start: offset of the first byte of all ranges.
        end: end of the last range, exclusive.
    """

    def __init__(self, runs: "Runs", channels: int, times: int) -> None:
        import numpy as np

        self.times = times
        apart = np.flatnonzero(runs[1:, 0] - runs[:-1, 1] > _GAP) + 1
        starts = runs[np.concatenate(([0], apart)), 0]
        ends = runs[np.concatenate((apart - 1, [len(runs) - 1])), 1]
        requests = cut(np.stack((starts, ends), axis=1), REQUEST)
        self.start, self.end = int(starts[0]), int(ends[-1])
        self._starts, self._ends = requests[:, 0], requests[:, 1]
        self._ordered = np.zeros(len(requests), bool)
        self._ahead = max(1, AHEAD // REQUEST // channels)
        self._lock = Lock()

    def has(self, start: int, end: int) -> bool:
        """Whether [start, end) lies between the first byte of all ranges and the last."""
        return self.start <= start and end <= self.end

    def wanted(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that requests bring; nobody wants the others."""
        first, stop = self._touching(start, end)
        starts = self._starts[first:stop].clip(min=start).tolist()
        return list(zip(starts, self._ends[first:stop].clip(max=end).tolist(), strict=True))

    def due(self, start: int, end: int) -> list[tuple[int, int]]:
        """The requests to make now because [start, end) is read; each is returned only once."""
        first, stop = self._touching(start, end)
        stop += self._ahead
        with self._lock:
            fresh = (~self._ordered[first:stop]).nonzero()[0] + first
            self._ordered[first:stop] = True
        return list(zip(self._starts[fresh].tolist(), self._ends[fresh].tolist(), strict=True))

    def _touching(self, start: int, end: int) -> tuple[int, int]:
        first = int(self._ends.searchsorted(start, "right"))
        return first, max(first, int(self._starts.searchsorted(end, "left")))
