"""A RAM block of an open snapshot: its header, its bitmap, and its memory."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Protocol, SupportsIndex, overload

from mappedram.errors import FormatError, OutOfRangeError, UnknownNameError, UnsupportedError
from mappedram.io.source import Source
from mappedram.printable import plural
from mappedram.stream import coverage as cover
from mappedram.stream import intervals
from mappedram.stream.bitmap import Bitmap, ByteOrder
from mappedram.stream.coverage import Coverage, Reason, Unknown
from mappedram.stream.model import RamBlock, Stream
from mappedram.stream.page_records import RecordedPages

if TYPE_CHECKING:
    import dask.array
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs
    from mappedram.stream.lazy_array import Chunks

#: Maximum size of a bitmap: 1 GiB covers 32 TiB in pages of 4 KiB. A sparse file can claim more.
BITMAP_MAX = 1 << 30
#: Machines of AVR, whose pages have 256 bytes: so small that records fit other sizes as well.
#: Source: QEMU hw/avr/arduino.c; target/avr/cpu-param.h.
_SMALL_PAGES = re.compile("arduino-")
#: Maximum guest memory per byte of bitmap, as a power of two.
_LENGTH_SHIFT = 3 + 16
#: Reasons that make a whole block unreadable, even if only the known part is requested.
_NOTHING_READ = {Reason.BITMAP_CUT, Reason.BLANKED, Reason.UNSOUND, Reason.TOO_LARGE}


class BlockSurroundings(Protocol):
    """What a block asks the snapshot that it belongs to."""

    @property
    def source(self) -> Source:
        """The open file."""

    @property
    def stream(self) -> Stream:
        """All that its headers say."""

    @property
    def unsound(self) -> frozenset[str]:
        """The paths of the blocks whose headers contradict the rest of the file."""

    @property
    def byteorder(self) -> ByteOrder:
        """Byte order of the words of the bitmaps."""

    @property
    def order_unknown(self) -> bool:
        """Whether nothing shows that byte order."""

    def place(self, path: str, field: str) -> int:
        """Offset of a field in the structure at a path."""

    def written_pages(self, block: "Block") -> int:
        """Of how many pages of `block` the bitmap tells."""

    def reopening(self, block: "Block") -> "Callable[[], Block] | None":
        """What opens the block again in another process; None if only this one has the file."""


class Block:
    """One RAM block: its header as `model`, its bitmap, and its memory."""

    def __init__(self, snapshot: BlockSurroundings, model: RamBlock) -> None:
        self._snapshot = snapshot
        self.model = model
        #: The places of the pages of a stream without mapped-ram.
        found = snapshot.stream.recorded.get(model.idstr)
        self.recorded = found if isinstance(found, RecordedPages) else None

    @property
    def source(self) -> Source:
        """The open file."""
        return self._snapshot.source

    @property
    def idstr(self) -> str:
        """Name of the block, such as `pc.ram`."""
        return self.model.idstr

    @property
    def used_length(self) -> int:
        """Bytes of guest memory."""
        return self.model.used_length

    @property
    def memory(self) -> str | None:
        """Name of the file of its own that has its pages; None if the snapshot has them."""
        return None

    @property
    def has_pages(self) -> bool:
        """Whether the file can hold pages of this block, at fixed places or in records.

        A stream sends every page of a block, including zero pages; with x-ignore-shared it may send
        none. Source: QEMU migration/ram.c, migrate_ram_is_ignored().
        """
        if self.recorded is None:
            return self.model.has_data
        return self.recorded.told or not self._snapshot.stream.announces_x_ignore_shared

    @property
    def page_size(self) -> int:
        """Size of a page in bytes.

        Raises:
            FormatError: the header has no valid page size.
            UnsupportedError: the file has no pages of this block.
        """
        model = self.model
        if self.recorded is not None and self.has_pages:
            return self.recorded.page_size
        if not model.has_data:
            raise UnsupportedError(
                f"block {model.idstr!r}: the file has no pages of this block", path=model.path
            )
        if not model.page_size or model.used_length % model.page_size:
            raise FormatError(
                f"page_size: {model.page_size!r} does not divide block {model.idstr!r} into pages",
                offset=self._snapshot.place(model.path, "mapped_ram/page_size"),
                path=f"{model.path}/mapped_ram/page_size",
                actual=model.page_size,
            )
        return model.page_size

    @property
    def readable(self) -> bool:
        """Whether pages can be read: the file can hold some, and the header has their size."""
        if self.source.packed:
            return False  # a metadump
        try:
            return bool(self.page_size) and self.model.bitmap_size <= BITMAP_MAX
        except FormatError:
            return False

    @property
    def num_pages(self) -> int:
        """Number of pages. Raises as `page_size` does."""
        return self.used_length // self.page_size

    @cached_property
    def bitmap(self) -> Bitmap:
        """Bitmap of the pages in the file; without mapped-ram, of the pages that are not zero.

        Raises:
            TruncatedError: the bitmap lies outside the file.
        """
        num_pages, offset = self.num_pages, self.model.bitmap_offset
        if self.recorded is not None:
            return Bitmap.from_runs(self.recorded.runs(), num_pages)
        assert offset is not None
        data = self._snapshot.source.read_around_holes(
            offset, self.model.bitmap_size, f"bitmap of {self.idstr}"
        )
        return Bitmap(data, num_pages, self.model.word_size, self._snapshot.byteorder)

    def prefetch_bitmap(self) -> None:
        """Tell the source that the bitmap is read next."""
        start, size = self.model.bitmap_offset, self.model.bitmap_size
        if start is not None and size <= BITMAP_MAX:
            self.source.prefetch([(start, start + size)])

    def reading_ahead(self, offset: int, size: int) -> AbstractContextManager[None]:
        """Tell a remote source that the stored pages of a range are read next, each once, in order.

        Args:
            offset: first byte within the block.
            size: number of bytes.
        """
        pages_offset = self.model.pages_offset
        if not self.source.is_remote or not self.readable:
            return nullcontext()
        if self.recorded is not None:
            return self.source.reading_ahead(self.recorded.extents())
        assert pages_offset is not None
        pages = offset // self.page_size, -(-(offset + size) // self.page_size)
        runs = self.stored.runs(*pages) * self.page_size + pages_offset
        return self.source.reading_ahead(runs)

    @property
    def bitmap_is_cut(self) -> bool:
        """Whether the file ends before the bitmap does."""
        return (self.model.bitmap_offset or 0) + self.model.bitmap_size > self.source.size

    @cached_property
    def stored(self) -> Bitmap:
        """Bitmap of the readable pages: those of `bitmap` whose bytes are completely in the file.

        Raises FormatError as `page_size` does.
        """
        if any(one.reason in _NOTHING_READ for one in self.coverage.unknown):
            return Bitmap.from_runs([], self.num_pages)
        limit = self._pages_within
        if limit >= self.num_pages:
            return self.bitmap
        return Bitmap.from_runs(self.bitmap.runs(0, limit), self.num_pages)

    @property
    def _pages_within(self) -> int:
        """Number of pages, from the first one on, that fit into the file."""
        if self.model.pages_offset is None:
            return self.num_pages
        return max(0, (self.source.size - self.model.pages_offset) // self.page_size)

    @cached_property
    def coverage(self) -> Coverage:
        """Unknown memory of this block; there is none in a sound file.

        Source: spec/format.md, clauses 7.4.8 and 7.4.9.
        """
        try:
            page_size = self.page_size
        except UnsupportedError:
            page_size = None
        except FormatError:
            return self._coverage(None, cover.whole(Reason.UNSOUND, self.used_length))
        if self.model.path in self._snapshot.unsound:
            return self._coverage(page_size, cover.whole(Reason.UNSOUND, self.used_length))
        if page_size is None:
            return self._coverage(None, cover.whole(self._why_no_pages, self.used_length))
        if max(self.model.bitmap_size, self.used_length >> _LENGTH_SHIFT) > BITMAP_MAX:
            return self._coverage(page_size, cover.whole(Reason.TOO_LARGE, self.used_length))
        return self._coverage(page_size, tuple(self._unknown(page_size)))

    def _coverage(self, page_size: int | None, unknown: tuple[Unknown, ...]) -> Coverage:
        return Coverage(self.idstr, self.used_length, page_size, unknown)

    @property
    def _why_no_pages(self) -> Reason:
        """Why the file has no pages of this block: a stream may end before the first record."""
        told = self._snapshot.stream.ram_told or self.model.ignored
        return Reason.LEFT_OUT if told else Reason.NOT_SENT

    def _unknown(self, page_size: int) -> Iterator[Unknown]:
        """Unknown pages of a block whose pages the file can hold."""
        snapshot, stream, recorded = self._snapshot, self._snapshot.stream, self.recorded
        if recorded is not None:
            if _SMALL_PAGES.match(stream.machine or "") and not stream.told_page_size:
                yield from cover.whole(Reason.PAGE_SIZE_UNTOLD, self.used_length)
            elif not stream.ram_told:
                yield from cover.unsent(recorded, self.num_pages)
            elif self.source.packed:
                yield from cover.unknown(Reason.BLANKED, recorded.runs(), page_size)
            return
        if self.bitmap_is_cut:
            yield from cover.whole(Reason.BITMAP_CUT, self.used_length)
            return
        written = self.num_pages if stream.ram_told else snapshot.written_pages(self)
        is_whole = written == self.num_pages <= self._pages_within
        if is_whole and not self.source.packed and not snapshot.order_unknown:
            return  # so that numpy is not loaded
        tail = intervals.complement(self.bitmap.runs(written), written, self.num_pages)
        yield from cover.unknown(Reason.BITMAP_UNWRITTEN, tail, page_size)
        limit = self._pages_within
        beyond = self.bitmap.runs(limit)
        yield from cover.unknown(Reason.PAGES_CUT, beyond, page_size)
        if self.source.packed:
            yield from cover.unknown(Reason.BLANKED, self.bitmap.runs(0, limit), page_size)
        elif snapshot.order_unknown:
            known = intervals.complement(intervals.union(tail, beyond), 0, self.num_pages)
            doubtful = intervals.intersection(cover.order_matters(self.bitmap), known)
            yield from cover.unknown(Reason.ORDER_UNKNOWN, doubtful, page_size)

    def runs(self) -> "Runs":
        """The runs of pages in the file; int64 array of shape (n, 2), half-open page numbers."""
        return self.bitmap.runs()

    def page(self, number: int) -> bytes:
        """The bytes of one page. Raises as `read` does."""
        return self.read(number * self.page_size, self.page_size)

    def read(self, offset: int, size: int, *, partial: bool = False) -> bytes:
        """Read guest memory: `size` bytes at `offset` of the block. Absent pages are zeros.

        Args:
            offset: first byte within the block.
            size: number of bytes.
            partial: for unknown pages, return zeros or the last known contents instead of raising;
                `coverage` has these pages.

        Raises:
            OutOfRangeError: the range is not inside the block.
            UnknownPagesError: some of the pages are unknown.
            FormatError: the block header has no valid page size.
        """
        if offset < 0 or size < 0 or offset + size > self.used_length:
            raise OutOfRangeError(
                f"range {offset:#x}+{size:#x}: block {self.idstr!r} has {self.used_length:#x} bytes"
            )
        if not partial and self.coverage.unknown:
            cover.require_known([self.coverage.within(offset, offset + size)])
        if not self.readable:
            return bytes(size)
        first, last = offset // self.page_size, -(-(offset + size) // self.page_size)
        runs = None if self.recorded else self.stored.runs(first, last)
        if runs is not None and len(runs) == 1 and runs[0].tolist() == [first, last]:
            assert self.model.pages_offset is not None
            return self.source.read_exactly(
                self.model.pages_offset + offset, size, f"page of {self.idstr}"
            )
        memory = bytearray((last - first) * self.page_size)
        start = offset - first * self.page_size
        with memoryview(memory) as view:
            self.read_pages(first, view)
            return bytes(view[start : start + size])

    def read_pages(self, first: int, view: memoryview) -> None:
        """Fill `view`, which must be all zeros, with the stored pages from `first` on.

        The caller has to check for unknown pages.

        Raises:
            TruncatedError: the file has shrunk.
            UnsupportedError: the file is a metadump.
        """
        source, page_size = self.source, self.page_size
        source.refuse_pages()
        if self.recorded is not None:
            self.recorded.read(source, first, view)
            return
        pages_offset = self.model.pages_offset
        assert pages_offset is not None
        for start, stop in self.stored.runs(first, first + len(view) // page_size).tolist():
            length = (stop - start) * page_size
            place = (start - first) * page_size
            view[place : place + length] = source.read_exactly(
                pages_offset + start * page_size, length, f"page of {self.idstr}"
            )

    def array(self, offset: int, size: int) -> "NDArray[np.uint8]":
        """Guest memory as a read-only array; raises as `read` does.

        If the bytes are contiguous in the file, the array is a view of the file: nothing is read or
        copied before it is used. Do not use it after the file has shrunk.

        Args:
            offset: first byte within the block.
            size: number of bytes.
        """
        import numpy as np

        place = self.file_offset(offset, size)
        view = None if place is None else self.source.view(place, size)
        return np.frombuffer(self.read(offset, size) if view is None else view, np.uint8)

    def dask_array(
        self, chunks: "Chunks" = "64 MiB", *, partial: bool = False
    ) -> "dask.array.Array":
        """All memory of the block as an array of Dask, which reads each chunk where it is used.

        In a chunk without a page in the file, nothing is read, and its zeros take no memory. On
        workers in other processes the file is opened again by its name, which must be the same
        there; the snapshot must then have been opened from a path or a URL.

        Args:
            chunks: size of a chunk in bytes, or as in `dask.array.from_array`.
            partial: as for `read`.

        Raises:
            UnknownPagesError: some of the pages are unknown.
            ImportError: Dask is not installed: pip install 'mappedram[dask]'.
        """
        from mappedram.stream.lazy_array import GuestBytes, lazy

        if not partial:
            cover.require_known([self.coverage])
        return lazy(GuestBytes(self, self._snapshot.reopening(self), partial=partial), chunks)

    def file_offset(self, offset: int, size: int) -> int | None:
        """Offset in the file of `size` bytes of the block.

        Returns:
            The offset; None if the bytes are not contiguous in the file, or unknown.

        Raises:
            FormatError: as `read` does.
        """
        if self.recorded is not None or not self.readable or size <= 0 or offset < 0:
            return None
        if offset + size > self.used_length or self.coverage.within(offset, offset + size).unknown:
            return None
        page_size = self.page_size
        pages = offset // page_size, -(-(offset + size) // page_size)
        if self.stored.runs(*pages).tolist() != [list(pages)]:
            return None
        assert self.model.pages_offset is not None
        return self.model.pages_offset + offset

    def pages(self, *, limit: int = 1 << 20, partial: bool = False) -> Iterator["PageRun"]:
        """The pages present in the file, as runs of consecutive pages. All other pages are zeros.

        Args:
            limit: maximum size of a run in bytes, which bounds memory; a run has at least one page.
            partial: skip unknown pages instead of raising.

        Raises:
            UnknownPagesError: some of the pages are unknown.
            FormatError: as `read` does.
        """
        if not partial:
            cover.require_known([self.coverage])
        return self._page_runs(limit) if self.readable else iter(())

    def _page_runs(self, limit: int) -> Iterator["PageRun"]:
        page_size = self.page_size
        step = max(1, limit // page_size)
        with self.reading_ahead(0, self.used_length):
            for runs in self.stored.iter_runs():
                for start, stop in runs.tolist():
                    for first in range(start, stop, step):
                        count = min(step, stop - first)
                        data = self._known(first * page_size, count * page_size)
                        yield PageRun(first, first * page_size, data.reshape(count, page_size))

    def _known(self, offset: int, size: int) -> "NDArray[np.uint8]":
        """Stored pages that have been checked to be known."""
        import numpy as np

        if self.recorded is None and self.model.pages_offset is not None:
            view = self.source.view(self.model.pages_offset + offset, size)
            if view is not None:
                return np.frombuffer(view, np.uint8)
        return np.frombuffer(self.read(offset, size, partial=True), np.uint8)

    @overload
    def __getitem__(self, place: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> bytes: ...

    def __getitem__(self, place: SupportsIndex | slice) -> int | bytes:
        """Guest memory, indexed like `bytes`: `block[a:b]` is bytes, `block[a]` one byte.

        Raises:
            ValueError: the slice has a step.
            OutOfRangeError: the index is out of range.
            UnknownPagesError: some of the pages are unknown.
            FormatError: as `read` does.
        """
        if isinstance(place, slice):
            if place.step not in (None, 1):
                raise ValueError(
                    f"slice step: expected none, got {place.step}; slice the bytes that were read"
                )
            start, stop, _ = place.indices(len(self))
            return self.read(start, max(0, stop - start))
        offset = index(place)
        return self.read(offset + len(self) if offset < 0 else offset, 1)[0]

    def __len__(self) -> int:
        return self.used_length

    def __bool__(self) -> bool:
        """True, even for a block without bytes."""
        return True

    #: Iteration byte by byte would take hours; use `pages`.
    __iter__ = None

    def __repr__(self) -> str:
        header = self.model.mapped_ram
        pages = f", pages of {header.page_size:#x} at {header.pages_offset:#x}" if header else ""
        return f"<Block {self.idstr!r}: {self.used_length:#x} bytes{pages}>"


@dataclass(frozen=True, slots=True, eq=False)
class PageRun:
    """Consecutive pages of a block that are present in the file.

    Attributes:
        index: number of the first page.
        offset: first byte within the block.
        data: contents, one row for each page, read-only; a view of the file if possible, as for
            `Block.array`.
    """

    index: int
    offset: int
    data: "NDArray[np.uint8]"

    def __len__(self) -> int:
        """Number of pages."""
        return len(self.data)

    def __repr__(self) -> str:
        return f"<PageRun: {plural(len(self), 'page')} from {self.index} on, at {self.offset:#x}>"


class BlocksByName(dict[str, Block]):
    """Blocks by `idstr`; an unknown name raises `UnknownNameError`."""

    def __missing__(self, idstr: str) -> Block:
        raise UnknownNameError("block", idstr, self)
