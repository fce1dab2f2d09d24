"""What stands for pages: a digest of each, or a mark where it counts that one is not zero."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mappedram.check import intervals
from mappedram.check.context import Context
from mappedram.errors import BuildError
from mappedram.pageio import Progress, batches, in_parallel, nonzero_pages
from mappedram.snapshot import Block
from mappedram.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.bitmap import Runs

#: Bytes of a digest. By chance, two pages of 2^64 have the same.
DIGEST_SIZE = 16
#: A key of BLAKE2b has up to that many bytes.
KEY_MAX = 64
#: Bytes of pages that are read at once.
_CHUNK = 1 << 20
#: Pages of one block that are looked at together.
_STEP = 1 << 20

#: Makes a digest of each of the pages in a buffer.
Hasher = Callable[[memoryview, int], bytes]


def key_of(data: bytes) -> bytes:
    """The key in a file: its bytes, or a hash of them if they are too many.

    Raises:
        BuildError: there are none.
    """
    from hashlib import blake2b

    if not data:
        raise BuildError("the file of the key is empty")
    return data if len(data) <= KEY_MAX else blake2b(data).digest()


def hasher(key: bytes) -> Hasher:
    """Digests of pages under a key. One call of hashlib for each page: some microseconds."""
    from hashlib import blake2b

    keyed = blake2b(key=key, digest_size=DIGEST_SIZE)

    def digests(view: memoryview, page_size: int) -> bytes:
        parts = []
        for start in range(0, len(view), page_size):
            one = keyed.copy()
            one.update(view[start : start + page_size])
            parts.append(one.digest())
        return b"".join(parts)

    return digests


def block_places(
    context: Context, block: Block, make: Hasher | None, progress: Progress | None
) -> Iterator[tuple["NDArray[np.int64]", bytes]]:
    """Places of pages of one judged block for which something stands, and their digests, if made.

    With a hasher these are all pages that are not zero, as far as the file has data; without one,
    only those with a clear bit, of which `check` counts how many there are.
    """
    source, page_size = context.source, block.page_size
    base = block.model.pages_offset
    assert base is not None
    for start in range(0, block.num_pages, _STEP):
        stop = min(start + _STEP, block.num_pages)
        runs = _data_pages(source, base, page_size, start, stop)
        if make is None:
            unset = intervals.complement(block.bitmap.runs(start, stop), start, stop)
            runs = intervals.intersection(runs, unset)
        yield from _nonzero(source, runs * page_size + base, page_size, make, progress)


def body_places(
    source: Source, bodies: "Runs", page_size: int, make: Hasher, progress: Progress | None
) -> Iterator[tuple["NDArray[np.int64]", bytes]]:
    """The same for pages that stand one by one in a stream; differences are left out."""
    whole = bodies[bodies[:, 1] - bodies[:, 0] == page_size]
    yield from _nonzero(source, whole, page_size, make, progress)


def _data_pages(source: Source, base: int, page_size: int, start: int, stop: int) -> "Runs":
    """The pages in [start, stop) in which the file has data."""
    import numpy as np

    extents = intervals.from_pairs(
        source.extents(base + start * page_size, base + stop * page_size)
    )
    runs = extents - base
    runs[:, 0] //= page_size
    runs[:, 1] = -(-runs[:, 1] // page_size)
    if len(runs):  # two extents can meet in one page
        reached = np.maximum.accumulate(runs[:, 1])
        runs[1:, 0] = np.maximum(runs[1:, 0], reached[:-1])
    return runs[runs[:, 0] < runs[:, 1]]


def _nonzero(
    source: Source,
    runs: "Runs",
    page_size: int,
    make: Hasher | None,
    progress: Progress | None,
) -> Iterator[tuple["NDArray[np.int64]", bytes]]:
    """The pages in these ranges of the file that are not zero, on several threads, in order."""
    import numpy as np

    parts = list(batches(runs, 64 * _CHUNK))
    done: list[tuple[NDArray[np.int64], bytes]] = [(np.empty(0, np.int64), b"")] * len(parts)

    def work(item: tuple[int, "Runs"]) -> None:
        number, part = item
        found = [_look(source, first, last, page_size, make) for first, last in _pieces(part, page_size)]
        done[number] = (
            np.concatenate([places for places, _ in found]),
            b"".join(digests for _, digests in found),
        )
        if progress:
            progress(int((part[:, 1] - part[:, 0]).sum()))

    in_parallel(work, iter(enumerate(parts)), os.cpu_count() or 1 if make else 1)
    yield from done


def _look(
    source: Source, first: int, last: int, page_size: int, make: Hasher | None
) -> tuple["NDArray[np.int64]", bytes]:
    import numpy as np

    data = source.read(first, last - first).ljust(last - first, b"\0")
    with memoryview(data) as view:
        mask = nonzero_pages(view, page_size)
        places = first + np.flatnonzero(mask) * page_size
        if make is None or not len(places):
            return places, b""
        if mask.all():
            return places, make(view, page_size)
        rows = np.frombuffer(data, np.uint8).reshape(-1, page_size)[mask]
        return places, make(rows.data.cast("B"), page_size)


def _pieces(runs: "Runs", page_size: int) -> Iterator[tuple[int, int]]:
    """The runs, cut into pieces of whole pages that are read at once."""
    longest = max(_CHUNK // page_size, 1) * page_size
    for start, end in runs.tolist():
        for first in range(start, end, longest):
            yield first, min(first + longest, end)
