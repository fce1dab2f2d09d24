"""A snapshot to work with: what the file says, and its memory, read only when asked for."""

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Self

from mappedram import drivers
from mappedram.bitmap import Bitmap, ByteOrder, guess_byteorder
from mappedram.changes import Changes
from mappedram.drivers import DriverName
from mappedram.drivers.base import Driver, Span
from mappedram.errors import FormatError, UnsupportedError
from mappedram.model import DEFAULT_WORD_SIZE, Element, RamBlock, Section, Stream
from mappedram.reader import PageTaker, read_stream
from mappedram.regions import Region, regions
from mappedram.scattered import ScatteredPages
from mappedram.source import Source

if TYPE_CHECKING:
    from mappedram.bitmap import Runs
    from mappedram.physical import PhysicalMemory
    from mappedram.vmstate import DeviceStates


class Block:
    """One RAM block: its header as `model`, its bitmap, and its memory."""

    def __init__(self, snapshot: "Snapshot", model: RamBlock) -> None:
        self._snapshot = snapshot
        self.model = model
        #: Of a stream without mapped-ram: where the pages stand.
        self.scattered: ScatteredPages | None = snapshot.stream.scattered.get(model.idstr)

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
    def has_pages(self) -> bool:
        """Whether the file can hold pages of this block, at fixed places or one by one."""
        return self.model.has_data or self.scattered is not None

    @property
    def page_size(self) -> int:
        """Bytes of a page.

        Raises:
            FormatError: the header gives none that can be.
            UnsupportedError: the file keeps no pages of this block.
        """
        model = self.model
        if self.scattered is not None:
            return self.scattered.page_size
        if not model.has_data:
            raise UnsupportedError(
                f"block {model.idstr!r}: this file holds no pages of it", path=model.path
            )
        if not model.page_size or model.used_length % model.page_size:
            raise FormatError(
                f"page_size: {model.page_size!r} does not divide block {model.idstr!r} into pages",
                offset=model.header_end - 24,
                path=f"{model.path}/mapped_ram/page_size",
                actual=model.page_size,
            )
        return model.page_size

    @property
    def num_pages(self) -> int:
        """Number of pages. Raises as `page_size` does."""
        return self.used_length // self.page_size

    @cached_property
    def bitmap(self) -> Bitmap:
        """Which pages are in the file. Of a stream without mapped-ram: which are not zero.

        Raises:
            TruncatedError: the bitmap lies outside of the file.
        """
        num_pages, offset = self.num_pages, self.model.bitmap_offset
        if self.scattered is not None:
            return Bitmap.from_runs(self.scattered.runs(), num_pages)
        assert offset is not None
        data = self._snapshot.source.read_around_holes(
            offset, self.model.bitmap_size, f"bitmap of {self.idstr}"
        )
        return Bitmap(data, num_pages, self.model.word_size, self._snapshot.byteorder)

    def runs(self) -> "Runs":
        """The runs of pages in the file; int64 array of shape (n, 2), half-open page numbers."""
        return self.bitmap.runs()

    def page(self, number: int) -> bytes:
        """The bytes of one page. Raises as `read` does."""
        return self.read(number * self.page_size, self.page_size)

    def read(self, offset: int, size: int) -> bytes:
        """Guest memory: `size` bytes at `offset` of the block, zeros where no page is stored.

        Raises:
            ValueError: the range is not inside the block.
            FormatError: the bitmaps were never written, so that clear bits say nothing.
            TruncatedError: the file ends before a page that its bitmap promises.
            UnsupportedError: the file is a metadump.
        """
        self.source.refuse_pages()
        if offset < 0 or size < 0 or offset + size > self.used_length:
            raise ValueError(
                f"range {offset:#x}+{size:#x}: block {self.idstr!r} has {self.used_length:#x} bytes"
            )
        first, last = offset // self.page_size, -(-(offset + size) // self.page_size)
        if not self._snapshot.bitmaps_written:
            raise FormatError(
                f"block {self.idstr!r}: the save did not come to its end, and bitmaps were never"
                " written: which pages are in the file is not known",
                offset=self.model.bitmap_offset,
                path=f"{self.model.path}/bitmap",
            )
        runs = None if self.scattered else self.bitmap.runs(first, last)
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
        """Fill `view` with whole pages from page `first` on; it has to be all zeros before.

        Raises:
            TruncatedError: the file ends before a page that its bitmap promises.
            UnsupportedError: the file is a metadump.
        """
        source, page_size = self.source, self.page_size
        source.refuse_pages()
        if self.scattered is not None:
            self.scattered.read(source, first, view)
            return
        pages_offset = self.model.pages_offset
        assert pages_offset is not None
        for start, stop in self.bitmap.runs(first, first + len(view) // page_size).tolist():
            length = (stop - start) * page_size
            place = (start - first) * page_size
            view[place : place + length] = source.read_exactly(
                pages_offset + start * page_size, length, f"page of {self.idstr}"
            )

    def __repr__(self) -> str:
        return f"<Block {self.idstr} of {self.used_length:#x} bytes>"


class Snapshot:
    """An open snapshot. Made by `mappedram.open`; a context manager.

    Attributes:
        source: the open file.
        stream: all that its headers say.
        driver: what read them.
        blocks: the RAM blocks in the order of the file.
        changes: other values for fields of devices, for files that are written of this snapshot.
    """

    def __init__(self, source: Source, stream: Stream, driver: Driver) -> None:
        self.changes = Changes()
        self.source = source
        self.stream = stream
        self.driver = driver
        self.blocks = tuple(Block(self, model) for model in stream.blocks)

    @cached_property
    def block(self) -> Mapping[str, Block]:
        """The blocks by `idstr`; of several with one name, the first."""
        return {block.idstr: block for block in reversed(self.blocks)}

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the stream, in order, commands and the end included."""
        return self.stream.sections

    @property
    def complete(self) -> bool:
        """Whether the save came to its end. Where not, the bitmaps say nothing."""
        return self.stream.complete

    @cached_property
    def bitmaps_written(self) -> bool:
        """Whether clear bits stand for pages of zeros. Source: spec/format.md, clause 7.4.8.

        A stream of devices alone has no bitmaps that could be missing.
        """
        return (
            self.stream.ram_ended
            or (self.stream.ended and not self.blocks)
            or bool(self.stream.scattered)
            or any(block.bitmap.any() for block in self.blocks if block.has_pages)
        )

    @cached_property
    def state(self) -> "DeviceStates":
        """The state of all devices; `snapshot.state["cpu", 0]["env.eip"]` is one value.

        A value can be set; a file that is rebuilt or converted from this snapshot has it.
        """
        from mappedram.vmstate import decode

        return decode(self)

    @cached_property
    def physical(self) -> "PhysicalMemory":
        """The guest's physical memory, at the addresses that `mappedram.physical` finds out.

        Raises:
            UnsupportedError: nothing is known of where the machine type has its memory.
        """
        from mappedram.physical import PhysicalMemory, physical_map

        return PhysicalMemory(self, physical_map(self))

    @cached_property
    def _byteorder(self) -> tuple[ByteOrder, bool]:
        small = (
            block
            for block in self.stream.blocks
            if block.bitmap_offset is not None and 0 < block.num_pages < 8 * DEFAULT_WORD_SIZE
        )
        return guess_byteorder(
            (self.source.read(block.bitmap_offset or 0, block.bitmap_size), block.num_pages)
            for block in small
        )

    @property
    def byteorder(self) -> ByteOrder:
        """Byte order of the words of the bitmaps; nothing in the file says it."""
        return self._byteorder[0]

    @property
    def byteorder_evident(self) -> bool:
        """Whether a bitmap of a small block shows the byte order; else it is only the usual one."""
        return self._byteorder[1]

    def regions(self) -> list[Region]:
        """Every byte of the file in exactly one named region, in order."""
        return regions(self.stream)

    def fields(self, element: Element) -> list[Span]:
        """The fields of a structure; `start` and `end` count from its beginning."""
        data = self.source.read(element.offset, element.length)
        return self.driver.spans(element.kind, data, dict(element.params))

    def close(self) -> None:
        """Close the file, if it was opened by path."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


OnPages = Callable[[Snapshot, int], PageTaker | None]


def open_snapshot(
    path_or_fd: str | os.PathLike[str] | int,
    offset: int = 0,
    *,
    driver: DriverName | Driver = "construct",
    partial: bool = False,
    on_pages: OnPages | None = None,
) -> Snapshot:
    """Open a snapshot: follow its headers, and leave bitmaps and pages where they are.

    Args:
        path_or_fd: the file, or an open descriptor, which stays open.
        offset: where the stream begins; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, or whatever else reads single structures.
        partial: return what could be read of a file whose RAM blocks cannot all be found; the
            reason is then in `snapshot.stream.stopped`.
        on_pages: of a stream without mapped-ram, called before its first page record with what was
            read until then and the size of a page; what it returns, if anything, is given each
            page as it passes by.

    Raises:
        UnsupportedError: not a QEMU migration stream, or one that this version does not read.
        TruncatedError: the file ends before its last RAM block.
        FormatError: a structure before the last RAM block cannot be followed.
        OSError: the file cannot be opened or read.
    """
    reader = drivers.get(driver) if isinstance(driver, str) else driver
    source = Source(path_or_fd)
    try:
        stream = read_stream(
            source,
            offset,
            reader,
            on_pages and (lambda read, size: on_pages(Snapshot(source, read, reader), size)),
        )
        located = any(element.kind == "end_of_section" for element in stream.elements)
        if stream.stopped and not partial and not located:
            raise stream.stopped
    except BaseException:
        source.close()
        raise
    return Snapshot(source, stream, reader)
