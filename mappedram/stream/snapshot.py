"""An open snapshot: the contents of its headers, and its memory, which is read on demand."""

import functools
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Self

from mappedram.errors import FormatError, UnknownNameError
from mappedram.format import drivers
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.drivers import DriverName
from mappedram.format.drivers.base import Driver, Span
from mappedram.io.opening import Openable, open_source
from mappedram.io.overlay import Changes
from mappedram.io.source import Source
from mappedram.printable import plural
from mappedram.stream import coverage as cover
from mappedram.stream.bitmap import ByteOrder, guess_byteorder
from mappedram.stream.block import BITMAP_MAX, Block, BlocksByName
from mappedram.stream.consistency import unsound
from mappedram.stream.coverage import Coverage, Reason
from mappedram.stream.model import Element, Section, Stream
from mappedram.stream.reader import PageTaker, read_stream
from mappedram.stream.regions import Region, regions

if TYPE_CHECKING:
    from mappedram.stream.vmstate import DeviceStates


#: Files that stay open for blocks of other processes.
_OPEN_AGAIN_MAX = 8


class OpenSnapshot:
    """An open snapshot. Made by `mappedram.open`; a context manager.

    Attributes:
        source: the open file.
        stream: the contents of its headers.
        driver: the driver that read them.
        blocks: the RAM blocks in the order of the file.
        owned: whether `close` closes the source.
        changes: new values for fields of devices, for files written from this snapshot.
    """

    def __init__(
        self, source: Source, stream: Stream, driver: Driver, *, owned: bool = True
    ) -> None:
        self.owned = owned
        self.changes = Changes()
        self.source = source
        self.stream = stream
        self.driver = driver
        self.blocks = tuple(Block(self, model) for model in stream.blocks)
        self._memory: tuple[Source, ...] = ()
        self._opened = ExitStack()

    def back(self, memory: Mapping[str, Openable]) -> None:
        """Read blocks that the save left out (x-ignore-shared) from files of their own.

        Args:
            memory: a file for each of some blocks, by `idstr`: the file behind the memory backend,
                whose byte n is byte n of the block. The snapshot closes those that it opens.

        Raises:
            BackingError: there is no such block, or the save did not leave it out.
            TruncatedError: a file is shorter than its block.
            OSError: a file cannot be opened.
        """
        if not memory:
            return
        from mappedram.stream.backed import BackedBlock, back  # most snapshots have all memory

        self.blocks = back(self, self.blocks, memory, self._opened)
        self._memory = tuple(b.source for b in self.blocks if isinstance(b, BackedBlock))
        self.__dict__.pop("block", None)

    @property
    def is_backed(self) -> bool:
        """Whether some blocks are read from files of their own."""
        return bool(self._memory)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Descriptors of all local files that are read; outputs must not replace these."""
        return tuple(one for source in (self.source, *self._memory) for one in source.descriptors)

    @cached_property
    def block(self) -> Mapping[str, Block]:
        """The blocks by `idstr`; of several with one name, the first one.

        An unknown name raises `UnknownNameError`.
        """
        return BlocksByName((block.idstr, block) for block in reversed(self.blocks))

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the stream, in order, including commands and the end."""
        return self.stream.sections

    @property
    def complete(self) -> bool:
        """Whether the save is complete. If not, the bitmaps are not valid."""
        return self.stream.complete

    @cached_property
    def unsound(self) -> frozenset[str]:
        """The paths of the blocks whose headers contradict the rest of the file."""
        return unsound(self.stream)

    @cached_property
    def unlisted(self) -> int:
        """Bytes of RAM in blocks whose headers were not reached, from the announced total."""
        return max(0, sum(self.stream.totals) - sum(b.used_length for b in self.stream.blocks))

    def coverages(self, idstrs: Collection[str] | None = None) -> list[Coverage]:
        """Coverage of each block, and of blocks whose headers were not reached.

        Args:
            idstrs: only blocks of these names.
        """
        found = [b.coverage for b in self.blocks if idstrs is None or b.idstr in idstrs]
        missing = cover.whole(Reason.NOT_LISTED, self.unlisted)
        if not missing:
            return found
        return [*found, Coverage(cover.NOT_LISTED, self.unlisted, None, missing)]

    def require_blocks(self) -> None:
        """Refuse a file whose reading stopped before the first RAM block.

        Raises:
            FormatError: the reason why it stopped.
        """
        if self.stream.stopped and not self.blocks:
            raise self.stream.stopped

    def require_known(self, idstrs: Collection[str] | None = None) -> None:
        """Refuse a file with unknown memory.

        Args:
            idstrs: only blocks of these names matter.

        Raises:
            UnknownPagesError: some memory is unknown; `ranges` has all of it.
        """
        cover.require_known(self.coverages(idstrs), self.stream.stopped)

    def written_pages(self, block: Block) -> int:
        """Number of pages of `block` with a valid bit in the bitmap of an incomplete save.

        Bitmaps are written one after another, in the order of the blocks. Source: QEMU
        migration/ram.c, ram_save_file_bmap().
        """
        last = self._last_bitmap
        if last is None or block is not last:
            index = {id(one): number for number, one in enumerate(self.blocks)}
            earlier = last is not None and index[id(block)] < index[id(last)]
            return block.num_pages if earlier else 0
        return cover.written_pages(block.bitmap)

    def reopening(self, block: Block) -> Callable[[], Block] | None:
        """What opens a block again in another process; None if only this one has the file."""
        address = self.source.address
        if address is None or block.memory is not None:
            return None
        index = next(index for index, one in enumerate(self.blocks) if one is block)
        stamp = self.source.stamp()
        return functools.partial(_block_again, address, self.stream.offset, index, stamp)

    @cached_property
    def _last_bitmap(self) -> Block | None:
        """The last block with a set bit in its bitmap, among the bitmaps that can be read."""
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
        """Whether the file was cut before the byte order of its bitmaps is evident."""
        return self.unlisted > 0 and not self.byteorder_evident

    @cached_property
    def state(self) -> "DeviceStates":
        """The state of all devices; `snapshot.state["cpu", 0]["env.eip"]` is one value.

        A value can be set; files that are rebuilt or converted from this snapshot then have it.
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
        """Byte order of the bitmap words, which the file does not store."""
        return self._byteorder[0]

    @property
    def byteorder_evident(self) -> bool:
        """Whether the bitmap of a small block shows the byte order; if not, it is the usual one."""
        return self._byteorder[1]

    def prefetch_bitmaps(self) -> None:
        """Tell the source that all bitmaps are read next."""
        for block in self.blocks:
            block.prefetch_bitmap()

    def regions(self) -> list[Region]:
        """Partition the file into named regions, in order."""
        return regions(self.stream)

    def place(self, path: str, field: str) -> int:
        """Offset of a field in the structure at a path; `elements` has both names.

        Raises:
            UnknownNameError: there is no such structure or field.
        """
        elements = self.stream.elements
        element = next((element for element in elements if element.path == path), None)
        if element is None:
            raise UnknownNameError("structure", path, (one.path for one in elements))
        starts = {span.path: span.start for span in self.fields(element)}
        if field not in starts:
            raise UnknownNameError(f"field of {path}", field, starts)
        return element.offset + starts[field]

    def fields(self, element: Element[object]) -> list[Span]:
        """The fields of a structure; `start` and `end` count from its beginning."""
        data = self.source.read(element.offset, element.length)
        return self.driver.spans(element.kind, data, element.params)

    def __repr__(self) -> str:
        stream = self.stream
        size = sum(block.used_length for block in self.blocks)
        rest = f"{plural(len(self.sections), 'section')}, {'' if self.complete else 'not '}complete"
        return (
            f"<Snapshot {self.source.name!r}: machine {stream.machine or 'unknown'},"
            f" {plural(len(self.blocks), 'block')} of {size:#x} bytes, {rest}>"
        )

    def close(self) -> None:
        """Close the files that were opened by path."""
        self._opened.close()
        if self.owned:
            self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


OnPages = Callable[[OpenSnapshot, int], PageTaker | None]


def open_snapshot(
    file: Openable | Source,
    offset: int = 0,
    *,
    driver: DriverName | Driver = "construct",
    partial: bool = False,
    on_pages: OnPages | None = None,
    memory: Mapping[str, Openable] | None = None,
) -> OpenSnapshot:
    """Open a snapshot and parse its headers; bitmaps and pages are read on demand.

    Args:
        file: a path, bytes, or an open descriptor, seekable binary file object or source, which
            stays open.
        offset: start of the stream; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, which also selects the declaration of the file; or any
            other driver, used with Construct's declaration. Kaitai's follows no pages of a stream
            without mapped-ram, and no device without a footer.
        partial: return the readable part of a file if not all of its RAM blocks can be found;
            `snapshot.stream.stopped` then has the reason.
        on_pages: for a stream without mapped-ram: called before its first page record with
            everything read so far and the page size. If it returns a consumer, that is called with
            every page.
        memory: as for `OpenSnapshot.back`.

    Raises:
        BackingError: as `OpenSnapshot.back` does.
        UnsupportedError: not a QEMU migration stream, or one that this version does not read.
        TruncatedError: the file ends before its last RAM block.
        FormatError: a structure before the last RAM block cannot be followed.
        OSError: the file cannot be opened or read.
    """
    reader = drivers.get(driver) if isinstance(driver, str) else driver
    owned = not isinstance(file, Source)
    source = file if isinstance(file, Source) else open_source(file)
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
        opened = OpenSnapshot(source, stream, reader, owned=owned)
        opened.back(memory or {})
    except BaseException:
        if owned:
            source.close()
        raise
    return opened


@lru_cache(_OPEN_AGAIN_MAX)
def _block_again(address: str, offset: int, index: int, stamp: tuple[int, int]) -> Block:
    """A block of a file that another process had open.

    Args:
        address: path or URL of the file.
        offset: start of the stream.
        index: number of the block.
        stamp: stamp of the file in that process.

    Raises:
        FormatError: the file has changed since.
        OSError: it cannot be opened.
    """
    snapshot = open_snapshot(address, offset, partial=True)
    if snapshot.source.stamp() != stamp:
        snapshot.close()
        raise FormatError(f"{address}: it has changed since it was opened")
    return snapshot.blocks[index]
