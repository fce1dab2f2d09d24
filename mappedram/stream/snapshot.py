"""A snapshot to work with: what the file says, and its memory, read only when asked for."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Self

from mappedram.format import drivers
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.drivers import DriverName
from mappedram.format.drivers.base import Driver, Span
from mappedram.io.overlay import Changes
from mappedram.io.source import Source
from mappedram.stream import coverage as cover
from mappedram.stream.bitmap import ByteOrder, guess_byteorder
from mappedram.stream.block import BITMAP_MAX, Block
from mappedram.stream.consistency import unsound
from mappedram.stream.coverage import Coverage, Reason
from mappedram.stream.model import Element, Section, Stream
from mappedram.stream.reader import PageTaker, read_stream
from mappedram.stream.regions import Region, regions

if TYPE_CHECKING:
    from mappedram.stream.vmstate import DeviceStates


class OpenSnapshot:
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
    def unsound(self) -> frozenset[str]:
        """The paths of the blocks whose headers contradict the rest of the file."""
        return unsound(self.stream)

    @cached_property
    def unlisted(self) -> int:
        """Bytes of RAM in blocks whose headers were not reached, by what the stream announces."""
        return max(0, sum(self.stream.totals) - sum(b.used_length for b in self.stream.blocks))

    def coverages(self, idstrs: Collection[str] | None = None) -> list[Coverage]:
        """What the file does not tell: of each block, and of those that were not reached.

        Args:
            idstrs: look at blocks of these names only.
        """
        found = [b.coverage for b in self.blocks if idstrs is None or b.idstr in idstrs]
        missing = cover.whole(Reason.NOT_LISTED, self.unlisted)
        if not missing:
            return found
        return [*found, Coverage(cover.NOT_LISTED, self.unlisted, None, missing)]

    def require_blocks(self) -> None:
        """Refuse to go on where reading stopped before the first RAM block.

        Raises:
            FormatError: what stopped it.
        """
        if self.stream.stopped and not self.blocks:
            raise self.stream.stopped

    def require_known(self, idstrs: Collection[str] | None = None) -> None:
        """Refuse to go on where the file does not tell all of memory.

        Args:
            idstrs: only blocks of these names matter.

        Raises:
            UnknownPagesError: it does not; the ranges are all that is unknown.
        """
        cover.require_known(self.coverages(idstrs), self.stream.stopped)

    def written_pages(self, block: Block) -> int:
        """Of how many pages of `block` the bitmap tells, in a save that did not come to its end.

        Bitmaps are written one after the other, in the order of the blocks. Source: QEMU
        migration/ram.c, ram_save_file_bmap().
        """
        last = self._last_bitmap
        if last is None or block is not last:
            index = {id(one): number for number, one in enumerate(self.blocks)}
            earlier = last is not None and index[id(block)] < index[id(last)]
            return block.num_pages if earlier else 0
        return cover.written_pages(block.bitmap)

    @cached_property
    def _last_bitmap(self) -> Block | None:
        """The last block whose bitmap has a bit set, of those that a look can be had at."""
        budget = BITMAP_MAX
        for block in reversed(self.blocks):
            if block.model.bitmap_offset is None or not block.readable or block.bitmap_is_cut:
                continue
            budget -= block.model.bitmap_size
            if budget < 0:
                return None
            if block.bitmap.any():
                return block
        return None

    @property
    def order_unknown(self) -> bool:
        """Whether the file was cut before anything shows the byte order of its bitmaps."""
        return self.unlisted > 0 and not self.byteorder_evident

    @cached_property
    def state(self) -> "DeviceStates":
        """The state of all devices; `snapshot.state["cpu", 0]["env.eip"]` is one value.

        A value can be set; a file that is rebuilt or converted from this snapshot has it.
        """
        from mappedram.stream.vmstate import decode

        return decode(self)

    @cached_property
    def _byteorder(self) -> tuple[ByteOrder, bool]:
        small = (
            block
            for block in self.stream.blocks
            if block.bitmap_offset is not None
            and 0 < block.num_pages < 8 * DEFAULT_WORD_SIZE
            and block.path not in self.unsound
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

    def place(self, path: str, field: str) -> int:
        """Offset of a field in the structure at a path; both are told by `elements`."""
        element = next(element for element in self.stream.elements if element.path == path)
        span = next(span for span in self.fields(element) if span.path == field)
        return element.offset + span.start

    def fields(self, element: Element[object]) -> list[Span]:
        """The fields of a structure; `start` and `end` count from its beginning."""
        data = self.source.read(element.offset, element.length)
        return self.driver.spans(element.kind, data, element.params)

    def close(self) -> None:
        """Close the file, if it was opened by path."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


OnPages = Callable[[OpenSnapshot, int], PageTaker | None]


def open_snapshot(
    path_or_fd: str | os.PathLike[str] | int,
    offset: int = 0,
    *,
    driver: DriverName | Driver = "construct",
    partial: bool = False,
    on_pages: OnPages | None = None,
) -> OpenSnapshot:
    """Open a snapshot: follow its headers, and leave bitmaps and pages where they are.

    Args:
        path_or_fd: the file, or an open descriptor, which stays open.
        offset: where the stream begins; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, whose declaration the file is followed along, or whatever
            else reads single structures, along that of Construct. That of Kaitai follows no pages
            of a stream without mapped-ram, and no device without a footer.
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
            on_pages and (lambda read, size: on_pages(OpenSnapshot(source, read, reader), size)),
        )
        located = any(element.kind == "end_of_section" for element in stream.elements)
        if stream.stopped and not partial and not located:
            raise stream.stopped
    except BaseException:
        source.close()
        raise
    return OpenSnapshot(source, stream, reader)
