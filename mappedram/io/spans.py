"""Half-open ranges of offsets: ascending pairs without overlap, or an array of runs."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: Half-open runs, one `(start, stop)` a row; int64.
    Runs = NDArray[np.int64]


def without(
    spans: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The parts of `spans` that lie in none of `others`."""
    rest = iter(others)
    hole = next(rest, None)
    for start, end in spans:
        at = start
        while hole is not None and hole[0] < end:
            if hole[0] > at:
                yield at, hole[0]
            at = max(at, hole[1])
            if hole[1] > end:
                break  # it reaches into the next one
            hole = next(rest, None)
        if at < end:
            yield at, end


def cut(runs: "Runs", step: int) -> "Runs":
    """The runs, cut at multiples of `step`."""
    import numpy as np

    if not len(runs):
        return runs
    first = runs[:, 0] // step
    counts = (runs[:, 1] - 1) // step - first + 1
    rows = np.repeat(np.arange(len(runs)), counts)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    edges = (first[rows] + nth) * step
    starts = np.maximum(runs[rows, 0], edges)
    stops = np.minimum(runs[rows, 1], edges + step)
    return np.stack((starts, stops), axis=1)
