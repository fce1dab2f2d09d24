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
GAP = 128 << 10
#: Bytes to fetch ahead of all readers together.
_AHEAD = 32 << 20


class Plan:
    """Ranges that are read once, each of several threads from some place on.

    Args:
        runs: the ranges in ascending order.
        channels: number of threads.
    """

    def __init__(self, runs: "Runs", channels: int) -> None:
        import numpy as np

        apart = np.flatnonzero(runs[1:, 0] - runs[:-1, 1] > GAP) + 1
        starts = runs[np.concatenate(([0], apart)), 0]
        ends = runs[np.concatenate((apart - 1, [len(runs) - 1])), 1]
        requests = cut(np.stack((starts, ends), axis=1), REQUEST)
        self._starts, self._ends = requests[:, 0], requests[:, 1]
        self._ordered = np.zeros(len(requests), bool)
        self._ahead = max(1, _AHEAD // REQUEST // channels)
        self._lock = Lock()

    def next(self, start: int, end: int) -> list[tuple[int, int]]:
        """The ranges to fetch now because [start, end) is read; each is returned only once."""
        first = int(self._ends.searchsorted(start, "right"))
        stop = int(self._starts.searchsorted(end, "left")) + self._ahead
        with self._lock:
            fresh = (~self._ordered[first:stop]).nonzero()[0] + first
            self._ordered[first:stop] = True
        return list(zip(self._starts[fresh].tolist(), self._ends[fresh].tolist(), strict=True))
