"""What stands for pages: a digest of each, or a mark where it counts that one is not zero."""

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

#: Bytes of a digest. By chance, two pages of 2^64 have the same.
DIGEST_SIZE = 16
#: A key of BLAKE2b has up to that many bytes.
KEY_MAX = 64
#: Bytes of pages that are read at once.
_CHUNK = 1 << 20
#: Pages of one block that are looked at together.
_STEP = 1 << 20

#: Places of pages, ascending, and a digest of each, one behind the other.
Stood: TypeAlias = "tuple[NDArray[np.int64], bytes]"

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
    block: Block, extents: "Runs", make: Hasher | None, progress: Progress | None
) -> Iterator[Stood]:
    """Pages of one judged block for which something stands; `extents` are those of the file.

    With a hasher these are all pages that are not zero, as far as the file has data; without one,
    only those with a clear bit, of which `check` counts how many there are.
    """
    import numpy as np

    source, page_size, base = block.source, block.page_size, block.model.pages_offset
    assert base is not None
    for start in range(0, block.num_pages, _STEP):
        stop = min(start + _STEP, block.num_pages)
        runs = _data_pages(extents - base, page_size, start, stop)
        if make is None:
            unset = intervals.complement(block.bitmap.runs(start, stop), start, stop)
            runs = intervals.intersection(runs, unset)
        counts = runs[:, 1] - runs[:, 0]
        pages = np.repeat(runs[:, 0] - (np.cumsum(counts) - counts), counts)
        places = (pages + np.arange(len(pages))) * page_size + base
        yield from _stood(source, places, page_size, make, progress)


def body_places(
    source: Source, bodies: "Runs", page_size: int, make: Hasher, progress: Progress | None
) -> Iterator[Stood]:
    """The same for pages that stand one by one in a stream; differences are left out."""
    whole = bodies[bodies[:, 1] - bodies[:, 0] == page_size]
    for start in range(0, len(whole), _STEP):
        yield from _stood(source, whole[start : start + _STEP, 0], page_size, make, progress)


def _data_pages(extents: "Runs", page_size: int, start: int, stop: int) -> "Runs":
    """The pages in [start, stop) in which there is data; extents count from page 0."""
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
    """Those of the pages at these places that are not zero; ascending places, with digests."""
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
