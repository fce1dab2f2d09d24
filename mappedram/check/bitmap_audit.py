"""Compare the bitmap of a block with its page area, in one pass with bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.io.source import Source
from mappedram.stream import intervals
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.model import RamBlock

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Pages per step; few enough for their bits to stay in the CPU cache.
_STEP = 1 << 20
#: Bytes per read.
CHUNK = 1 << 20
_ZEROS = bytes(CHUNK)


@dataclass(slots=True)
class Tally:
    """Number of pages, and the first one."""

    count: int = 0
    first: int | None = None

    def add(self, count: int, first: int) -> None:
        """Add `count` pages that begin with page `first`."""
        self.count += count
        self.first = first if self.first is None else self.first


@dataclass(frozen=True, slots=True)
class BitmapAudit:
    """Pages with a bit that does not match their bytes.

    Attributes:
        num_set: number of set bits.
        holes: pages with a set bit that are completely inside a hole.
        stale: pages with a clear bit that contain non-zero bytes.
    """

    num_set: int
    holes: Tally
    stale: Tally


def audit(source: Source, block: RamBlock, bitmap: Bitmap) -> BitmapAudit:
    """Compare all pages of a block. Reads pages with a clear bit where the file has data.

    Nobody tells the holes of a remote file, so that these pages are not read there.
    """
    num_set, holes, stale = 0, Tally(), Tally()
    for start in range(0, bitmap.num_pages, _STEP):
        stop = min(start + _STEP, bitmap.num_pages)
        stored = bitmap.runs(start, stop)
        in_hole = _holes(source, block, start, stop)
        num_set += intervals.size(stored)
        missing = intervals.intersection(stored, in_hole)
        if len(missing):
            holes.add(intervals.size(missing), int(missing[0, 0]))
        if source.is_remote:
            continue
        unstored = intervals.complement(stored, start, stop)
        in_data = intervals.complement(in_hole, start, stop)
        _count_stale(source, block, intervals.intersection(unstored, in_data), stale)
    return BitmapAudit(num_set, holes, stale)


def first_stale(source: Source, block: RamBlock, bitmap: Bitmap) -> Tally:
    """The pages with a clear bit and data among the first pages of a block; one read."""
    page_size, _ = _geometry(block)
    stop, stale = min(bitmap.num_pages, CHUNK // page_size), Tally()
    _count_stale(source, block, intervals.complement(bitmap.runs(0, stop), 0, stop), stale)
    return stale


def _holes(source: Source, block: RamBlock, start: int, stop: int) -> "Runs":
    """The pages in [start, stop) that are completely inside a hole of the file."""
    page_size, base = _geometry(block)
    extents = intervals.from_pairs(
        source.extents(base + start * page_size, base + stop * page_size)
    )
    gaps = intervals.complement(extents - base, start * page_size, stop * page_size)
    gaps[:, 0] = -(-gaps[:, 0] // page_size)
    gaps[:, 1] //= page_size
    return gaps[gaps[:, 0] < gaps[:, 1]]


def _count_stale(source: Source, block: RamBlock, runs: "Runs", stale: Tally) -> None:
    import numpy as np

    page_size, base = _geometry(block)
    for start, stop in _pieces(runs, CHUNK // page_size):
        data = source.read(base + start * page_size, (stop - start) * page_size)
        if data == _ZEROS[: len(data)]:
            continue
        whole = data.ljust((stop - start) * page_size, b"\0")
        pages = np.flatnonzero(
            np.frombuffer(whole, np.uint64).reshape(stop - start, -1).any(axis=1)
        )
        stale.add(len(pages), start + int(pages[0]))


def _pieces(runs: "Runs", longest: int) -> Iterator[tuple[int, int]]:
    """The runs, split into pieces of at most `longest` pages."""
    for start, stop in runs.tolist():
        for first in range(start, stop, longest):
            yield first, min(first + longest, stop)


def _geometry(block: RamBlock) -> tuple[int, int]:
    """Page size and offset of page 0 of a block that has pages."""
    assert block.page_size
    assert block.pages_offset is not None
    return block.page_size, block.pages_offset


def first_nonzero(source: Source, start: int, end: int) -> int | None:
    """Offset of the first byte in [start, end) that is not zero; skips holes."""
    for begin, stop in source.extents(start, end):
        for offset in range(begin, stop, CHUNK):
            data = source.read(offset, min(CHUNK, stop - offset))
            zeros = len(data) - len(data.lstrip(b"\0"))
            if zeros < len(data):
                return offset + zeros
    return None
