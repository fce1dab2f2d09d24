"""Replacements of pages: a digest of each, or a mark that a page is not zero."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from mappedram.errors import BuildError
from mappedram.export.metadump.runs import touching
from mappedram.io.copying import Progress
from mappedram.io.source import Source
from mappedram.stream import intervals
from mappedram.stream.block import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

#: Bytes of a digest. Two of 2^64 pages collide by chance.
DIGEST_SIZE = 16
#: Largest key of BLAKE2b, in bytes.
KEY_MAX = 64
#: Bytes of pages read at once.
_CHUNK = 1 << 20
#: Pages of one block in a step.
_STEP = 1 << 20

#: Ascending file offsets of pages, and their concatenated digests.
Stood: TypeAlias = "tuple[NDArray[np.int64], bytes]"

#: Makes a digest of each page in a buffer.
Hasher = Callable[[memoryview, int], bytes]


def key_of(data: bytes) -> bytes:
    """The key in a file: its bytes, or a hash of them if there are too many.

    Raises:
        BuildError: the file is empty.
    """
    from hashlib import blake2b

    if not data:
        raise BuildError("the key file is empty")
    return data if len(data) <= KEY_MAX else blake2b(data).digest()


def hasher(key: bytes) -> Hasher:
    """Make digests of pages with a key: a call of hashlib for each, of some microseconds."""
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
    block: Block, extents: "Runs", make: Hasher | None, progress: Progress | None
) -> Iterator[Stood]:
    """Yield the pages of one judged block to replace; `extents` are those of the file.

    With a hasher, these are all non-zero pages within the data of the file; without one, those with
    a clear bit, which `check` counts. Of a remote file, pages with a clear bit are not read.
    """
    import numpy as np

    source, page_size, base = block.source, block.page_size, block.model.pages_offset
    assert base is not None
    for start in range(0, block.num_pages, _STEP):
        stop = min(start + _STEP, block.num_pages)
        runs = _data_pages(extents - base, page_size, start, stop)
        stored = block.bitmap.runs(start, stop)
        if make is None:
            runs = intervals.intersection(runs, intervals.complement(stored, start, stop))
        if source.is_remote:
            runs = intervals.intersection(runs, stored)
        counts = runs[:, 1] - runs[:, 0]
        pages = np.repeat(runs[:, 0] - (np.cumsum(counts) - counts), counts)
        places = (pages + np.arange(len(pages))) * page_size + base
        with block.reading_ahead(start * page_size, (stop - start) * page_size):
            yield from _stood(source, places, page_size, make, progress)


def body_places(
    source: Source, bodies: "Runs", page_size: int, make: Hasher, progress: Progress | None
) -> Iterator[Stood]:
    """Yield scattered pages of a stream to replace, as `block_places`; differences are left out."""
    whole = bodies[bodies[:, 1] - bodies[:, 0] == page_size]
    for start in range(0, len(whole), _STEP):
        yield from _stood(source, whole[start : start + _STEP, 0], page_size, make, progress)


def _data_pages(extents: "Runs", page_size: int, start: int, stop: int) -> "Runs":
    """Pages in [start, stop) that have data; extents count from page 0."""
    import numpy as np

    begin, end = start * page_size, stop * page_size
    runs = touching(extents, begin, end).clip(begin, end)
    runs[:, 0] //= page_size
    runs[:, 1] = -(-runs[:, 1] // page_size)
    if len(runs):  # two extents can meet in one page
        runs[1:, 0] = np.maximum(runs[1:, 0], runs[:-1, 1])
    return runs[runs[:, 0] < runs[:, 1]]


def _stood(
    source: Source,
    places: "NDArray[np.int64]",
    page_size: int,
    make: Hasher | None,
    progress: Progress | None,
) -> Iterator[Stood]:
    """Yield the non-zero pages at these places in ascending order, with digests."""
    import numpy as np

    windows = places // _CHUNK
    for near in np.split(places, np.flatnonzero(windows[1:] != windows[:-1]) + 1):
        if not len(near):
            continue
        first = int(near[0])
        length = int(near[-1]) + page_size - first
        data = np.frombuffer(source.read(first, length).ljust(length, b"\0"), np.uint8)
        if len(near) * page_size == length:
            rows = data.reshape(-1, page_size)
        else:
            rows = np.lib.stride_tricks.sliding_window_view(data, page_size)[near - first]
        mask = rows.view(np.uint64).any(axis=1)
        if not mask.all():
            near, rows = near[mask], rows[mask]
        yield near, make(rows.data.cast("B"), page_size) if make and len(near) else b""
        if progress:
            progress(length)
