"""Sets of numbers as sorted half-open runs that do not touch: an int64 array of shape (n, 2)."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mappedram.io.spans import Runs


def from_pairs(pairs: Iterable[tuple[int, int]]) -> "Runs":
    """The runs as an array; takes a generator without keeping its pairs."""
    import numpy as np

    return np.fromiter(chain.from_iterable(pairs), np.int64).reshape(-1, 2)


def union(*several: "Runs") -> "Runs":
    """Union; the arguments may touch, overlap, and be in any order."""
    import numpy as np

    runs = np.concatenate([np.empty((0, 2), np.int64), *several])
    if not len(runs):
        return runs
    runs = runs[runs[:, 0].argsort(kind="stable")]
    reached = np.maximum.accumulate(runs[:, 1])
    first = np.append(True, runs[1:, 0] > reached[:-1])
    return np.stack((runs[first, 0], reached[np.append(first[1:], True)]), axis=1)


def within(runs: "Runs", start: int, stop: int) -> "Runs":
    """The part of the runs in [start, stop)."""
    import numpy as np

    first = int(np.searchsorted(runs[:, 1], start, side="right"))
    last = int(np.searchsorted(runs[:, 0], stop, side="left"))
    return runs[first:last].clip(start, stop)


def complement(runs: "Runs", start: int, stop: int) -> "Runs":
    """The part of [start, stop) outside `runs`, all of which lie in it."""
    import numpy as np

    between = np.concatenate(([start], runs.ravel(), [stop])).reshape(-1, 2)
    return between[between[:, 0] < between[:, 1]]


def intersection(these: "Runs", those: "Runs") -> "Runs":
    """Intersection of two sets."""
    import numpy as np

    first = np.searchsorted(those[:, 1], these[:, 0], "right")
    last = np.searchsorted(those[:, 0], these[:, 1], "left")
    partners = last - first
    # Row i of `these` overlaps the rows first[i] to last[i] of `those`.
    left = np.repeat(np.arange(len(these)), partners)
    skipped = np.repeat(first - (np.cumsum(partners) - partners), partners)
    right = np.arange(len(left)) + skipped
    starts = np.maximum(these[left, 0], those[right, 0])
    stops = np.minimum(these[left, 1], those[right, 1])
    return np.stack((starts, stops), axis=1)


def size(runs: "Runs") -> int:
    """Number of elements."""
    return int((runs[:, 1] - runs[:, 0]).sum())
