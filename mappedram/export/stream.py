"""Write a snapshot as a stream without mapped-ram: one record for each page, block by block."""

from collections.abc import Iterator
from itertools import pairwise
from threading import local
from typing import TYPE_CHECKING

from mappedram.export.mapped_ram import no_longer_ignored, refuse_cut
from mappedram.format import file
from mappedram.format.constants import (
    CAPABILITY_X_IGNORE_SHARED,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_ZERO,
    SectionType,
)
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said
from mappedram.format.structures import SECTION_PART, SectionPart
from mappedram.io import system
from mappedram.io.copying import Progress, WriteTarget, in_parallel
from mappedram.stream.block import Block
from mappedram.stream.model import Section
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer import Envelope
from mappedram.stream.writer.build import Built

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Bytes of guest memory turned into records at once.
_WINDOW = 1 << 19
#: Pages whose records are written at once if none is stored; a multiple of 64.
_STRETCH = 1 << 16
#: Bytes of a record before its page, and of the record of a zero page.
_WORD, _ZERO_RECORD = 8, 9


def to_stream(
    snapshot: OpenSnapshot,
    fd: int,
    *,
    channels: int = 1,
    partial: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the snapshot into the empty file open as `fd`, as QEMU does without the capability.

    The bit of a page selects its record: stored, or zero.

    Args:
        snapshot: devices and RAM.
        fd: descriptor of an empty seekable file, open for writing.
        channels: number of threads.
        partial: write zeros for pages that the snapshot does not know.
        progress: called with the number of bytes of guest memory written.

    Raises:
        UnknownPagesError: the snapshot does not know all pages.
        BuildError: the snapshot has no complete RAM part.
        FormatError: the header of a block cannot be right.
        TruncatedError: the file ends within the devices, or has shrunk.
        OSError: reading or writing failed.
    """
    refuse_cut(snapshot, partial=partial)
    envelope = Envelope.of(snapshot, mapped_ram=False, dropped=no_longer_ignored(snapshot))
    driver, stream = snapshot.driver, snapshot.stream
    start = next(s for s in stream.sections if s.type == SectionType.START and s.idstr == "ram")
    eos = next(e for e in stream.elements if e.kind == "end_of_section")
    closing = snapshot.source.read_exactly(eos.offset, start.end - eos.offset, "stream")

    target = WriteTarget(fd)
    setup, rounds = (
        envelope.middle[: envelope.setup_size],
        envelope.middle[envelope.setup_size :],
    )
    head = (
        envelope.head
        + _block_list(snapshot, driver, envelope)
        + setup
        + _part_header(start, driver)
    )
    position = len(head)
    size = sum(map(_records_size, filter(lambda block: block.has_pages, snapshot.blocks)))
    end = position + size + len(closing + rounds + envelope.tail)
    system.begin(fd, 0, end, *snapshot.descriptors)
    target.write(head, 0)
    for block in snapshot.blocks:
        if block.has_pages:
            records = _Records(block, target, position, progress)
            with block.reading_ahead(0, block.used_length):
                in_parallel(records.write, records.pieces(), channels)
            position = records.end
    target.write(closing + rounds + envelope.tail, position)


def _block_list(snapshot: OpenSnapshot, driver: Driver, envelope: Envelope) -> bytes:
    """MEM_SIZE and the headers of the blocks, without those of mapped-ram."""
    has_addr = CAPABILITY_X_IGNORE_SHARED in envelope.capabilities
    built = Built(driver, said=Said(capabilities=(CAPABILITY_X_IGNORE_SHARED,) if has_addr else ()))
    blocks = [
        {
            "header": {
                "idstr": block.idstr,
                "used_length": block.used_length,
                "addr": block.addr if has_addr else None,
            }
        }
        for block in snapshot.stream.blocks
    ]
    built.add(file.RamList, {"blocks": blocks})
    return built.data


def _part_header(start: Section, driver: Driver) -> bytes:
    assert start.section_id is not None
    values: SectionPart = {"section_type": SectionType.PART, "section_id": start.section_id}
    return driver.build(SECTION_PART, values, {})


def _records_size(block: Block) -> int:
    """Bytes of the records of a block."""
    stored = block.bitmap.count()
    name = 1 + len(block.idstr)
    return name + block.num_pages * _ZERO_RECORD + stored * (block.page_size + _WORD - _ZERO_RECORD)


class _Records:
    """The records of one block, written from offset `position` on; their length is known first.

    The first record names the block, the others have CONTINUE.

    Attributes:
        end: offset behind the last record, once `pieces` is exhausted.
    """

    def __init__(
        self, block: Block, target: WriteTarget, position: int, progress: Progress | None
    ) -> None:
        name = block.idstr.encode("latin-1")
        self._name = bytes([len(name)]) + name
        self._block = block
        self._target = target
        self._progress = progress
        self._buffers = local()
        self.end = position

    def pieces(self) -> Iterator[tuple[int, "NDArray[np.bool_]", int]]:
        """Yield the units of writing: first page, which pages are stored, and offset."""
        import numpy as np

        bitmap, num_pages = self._block.stored, self._block.num_pages
        window = max(1, _WINDOW // self._block.page_size)
        for first in range(0, num_pages, _STRETCH):
            count = min(_STRETCH, num_pages - first)
            part = np.frombuffer(bitmap.little, np.uint8, (count + 7) // 8, first // 8)
            stored = np.unpackbits(part, count=count, bitorder="little").view(np.bool_)
            step = window if stored.any() else count
            for start in range(0, count, step):
                piece = stored[start : start + step]
                yield first + start, piece, self.end
                self.end += self._length(first + start, piece)

    def _length(self, first: int, stored: "NDArray[np.bool_]") -> int:
        """Bytes of the records of these pages."""
        name = 0 if first else len(self._name)
        count = int(stored.sum())
        return (
            name
            + len(stored) * _ZERO_RECORD
            + count * (self._block.page_size + _WORD - _ZERO_RECORD)
        )

    def write(self, piece: tuple[int, "NDArray[np.bool_]", int]) -> None:
        """Write one of `pieces`; called on any thread."""
        first, stored, offset = piece
        if stored.any():
            buffer = self._buffer(len(stored))
            self._read(first, stored, buffer)
            records = buffer.records(first, stored)
        else:
            records = [_zero_records(first, len(stored), self._block.page_size)]
        # Two threads that write to one file would wait for each other by spinning.
        with self._target.in_kernel:
            if first == 0:
                word = int.from_bytes(records[0][:_WORD], "big") & ~RAM_SAVE_FLAG_CONTINUE
                named = word.to_bytes(_WORD, "big") + self._name
                self._target.write(named, offset)
                records[0], offset = records[0][_WORD:], offset + len(named)
            self._target.write_vector(records, offset)
        if self._progress:
            self._progress(len(stored) * self._block.page_size)

    def _buffer(self, count: int) -> "_Buffer":
        """A buffer for `count` pages, which this thread reuses."""
        buffer: _Buffer | None = getattr(self._buffers, "buffer", None)
        if buffer is None or len(buffer.pages) < count:
            buffer = self._buffers.buffer = _Buffer(count, self._block.page_size)
        return buffer

    def _read(self, first: int, stored: "NDArray[np.bool_]", buffer: "_Buffer") -> None:
        """Read from the first stored page to the last, with holes and stale bytes."""
        import numpy as np

        block = self._block
        held = np.flatnonzero(stored)
        lower, upper = int(held[0]), int(held[-1]) + 1
        if block.recorded is not None:
            pages = np.zeros((upper - lower, block.page_size), np.uint8)
            block.read_pages(first + lower, pages.data.cast("B"))
            buffer.bodies[lower:upper] = pages
        else:
            block.source.refuse_pages()
            place = (block.model.pages_offset or 0) + (first + lower) * block.page_size
            block.source.fill(buffer.pages[lower:upper], place)


class _Buffer:
    """Buffer of one thread: a slot for each page, with its word and its bytes.

    The kernel reads each page directly into its slot, so consecutive records need no copy.

    Attributes:
        pages: the memory for the bytes of each page.
        bodies: the same as one array, a row for each page.
    """

    def __init__(self, count: int, page_size: int) -> None:
        import numpy as np

        slots = np.zeros((count, _WORD + page_size), np.uint8)
        self._stored = slots.data.cast("B")
        self._zero = np.zeros((count, _ZERO_RECORD), np.uint8)  # the last byte fills the page
        self._slots = slots
        self.bodies = slots[:, _WORD:]
        size = _WORD + page_size
        self.pages = [
            self._stored[start + _WORD : start + size]
            for start in range(0, len(self._stored), size)
        ]

    def records(self, first: int, stored: "NDArray[np.bool_]") -> list[memoryview]:
        """The records of pages from `first` on, as consecutive pieces."""
        import numpy as np

        count, page_size = len(stored), self.bodies.shape[1]
        flags = np.where(stored, np.uint64(RAM_SAVE_FLAG_PAGE), np.uint64(RAM_SAVE_FLAG_ZERO))
        words = _words(first, count, page_size, flags)
        self._slots[:count, :_WORD] = words
        self._zero[:count, :_WORD] = words
        edges = [0, *(np.flatnonzero(np.diff(stored)) + 1).tolist(), count]
        kinds = (
            (self._stored, _WORD + page_size),
            (self._zero.data.cast("B"), _ZERO_RECORD),
        )
        is_zero = not stored[0]
        records = []
        for start, stop in pairwise(edges):
            memory, size = kinds[is_zero]
            records.append(memory[start * size : stop * size])
            is_zero = not is_zero
        return records


def _zero_records(first: int, count: int, page_size: int) -> memoryview:
    """The records of zero pages only."""
    import numpy as np

    records = np.zeros((count, _ZERO_RECORD), np.uint8)  # the last byte fills the page
    records[:, :_WORD] = _words(first, count, page_size, np.uint64(RAM_SAVE_FLAG_ZERO))
    return records.data.cast("B")


def _words(
    first: int, count: int, page_size: int, flags: "NDArray[np.uint64] | np.uint64"
) -> "NDArray[np.uint8]":
    """The words at the beginning of the records from page `first` on, a row for each."""
    import numpy as np

    addresses = np.arange(first, first + count, dtype=np.uint64) * np.uint64(page_size)
    words = (addresses | flags | np.uint64(RAM_SAVE_FLAG_CONTINUE)).astype(">u8")
    return words.view(np.uint8).reshape(count, _WORD)
