"""A snapshot as a stream without mapped-ram: one record for each page, block by block."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

from mappedram.drivers.base import Driver, Params
from mappedram.layout.constants import (
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_ZERO,
    SectionType,
)
from mappedram.model import Section
from mappedram.pageio import Progress, Target, nonzero_pages
from mappedram.snapshot import Block, Snapshot
from mappedram.writer import Envelope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Piece = bytes | memoryview

#: Bytes of guest memory that are turned into records at once.
_WINDOW = 1 << 20


def to_stream(snapshot: Snapshot, fd: int, *, progress: Progress | None = None) -> None:
    """Write the snapshot into the empty file open as `fd`, as QEMU does without the capability.

    Args:
        snapshot: devices and RAM.
        fd: descriptor of an empty seekable file, open for writing.
        progress: called with the number of bytes of guest memory that were written.

    Raises:
        BuildError: the snapshot has no complete RAM part.
        FormatError: the header of a block cannot be right.
        TruncatedError: the file ends before a page that its bitmap promises.
        OSError: reading or writing failed.
    """
    envelope = Envelope.of(snapshot, mapped_ram=False)
    target, position = Target(fd), 0
    # One thread writes what another one has put together.
    with ThreadPoolExecutor(1, "writer") as executor:
        written: Future[None] | None = None
        for pieces in _pieces(snapshot, envelope, progress):
            if written:
                written.result()
            written = executor.submit(_write, target, pieces, position)
            position += sum(map(len, pieces))
        if written:
            written.result()


def _write(target: Target, pieces: list[Piece], offset: int) -> None:
    for piece in pieces:
        target.write(piece, offset)
        offset += len(piece)


def _pieces(
    snapshot: Snapshot, envelope: Envelope, progress: Progress | None
) -> Iterator[list[Piece]]:
    """The file in order, as lists of what is written at once."""
    driver = snapshot.driver
    stream = snapshot.stream
    start = next(s for s in stream.sections if s.type == SectionType.START and s.idstr == "ram")
    eos = next(e for e in stream.elements if e.kind == "end_of_section")
    closing = snapshot.source.read_exactly(eos.offset, start.end - eos.offset, "stream")
    yield [envelope.head, _block_list(snapshot, driver), closing, _part_header(start, driver)]
    for block in snapshot.blocks:
        if block.has_pages:
            yield from _records(block, progress)
    yield [closing, envelope.middle.removeprefix(closing), envelope.tail]


def _block_list(snapshot: Snapshot, driver: Driver) -> bytes:
    """MEM_SIZE and the headers of the blocks, without that of mapped-ram."""
    blocks = snapshot.stream.blocks
    total = sum(block.used_length for block in blocks)
    headers = [driver.build("mem_size", {"total_and_flags": total | RAM_SAVE_FLAG_MEM_SIZE}, {})]
    for block in blocks:
        values = {
            "len_idstr": len(block.idstr),
            "idstr": block.idstr,
            "used_length": block.used_length,
            "page_size": None,
            "addr": block.addr,
            "mapped_ram": None,
        }
        params: Params = {"has_addr": block.addr is not None}
        headers.append(driver.build("ramblock_header", values, params))
    return b"".join(headers)


def _part_header(start: Section, driver: Driver) -> bytes:
    values = {"section_type": SectionType.PART, "section_id": start.section_id}
    return driver.build("section_part", values, {})


def _records(block: Block, progress: Progress | None) -> Iterator[list[Piece]]:
    """The records of one block. The first names it, the others go on with it."""
    pages_at_once = max(1, _WINDOW // block.page_size)
    name = block.idstr.encode("latin-1")
    for first in range(0, block.num_pages, pages_at_once):
        count = min(pages_at_once, block.num_pages - first)
        pieces: list[Piece] = list(_window(block, first, count))
        if first == 0:
            word = int.from_bytes(pieces[0][:8], "big") & ~RAM_SAVE_FLAG_CONTINUE
            named = word.to_bytes(8, "big") + bytes([len(name)]) + name
            pieces[:1] = [named, pieces[0][8:]]
        yield pieces
        if progress:
            progress(count * block.page_size)


def _window(block: Block, first: int, count: int) -> Iterator[memoryview]:
    """The records of `count` pages from page `first` on, all with CONTINUE."""
    import numpy as np

    if not len(block.bitmap.runs(first, first + count)):
        yield _zero_records(block, first, count)
        return
    with memoryview(bytearray(count * block.page_size)) as view:
        block.read_pages(first, view)
        stored = nonzero_pages(view, block.page_size)
        edges = [0, *(np.flatnonzero(np.diff(stored)) + 1).tolist(), count]
        pages = np.frombuffer(view, np.uint8).reshape(count, -1)
        for start, stop in pairwise(edges):
            if stored[start]:
                yield _page_records(block, first + start, pages[start:stop])
            else:
                yield _zero_records(block, first + start, stop - start)
        del pages


def _words(block: Block, first: int, count: int, flag: int) -> "NDArray[np.uint8]":
    """The first eight bytes of `count` records."""
    import numpy as np

    addresses = np.arange(first, first + count, dtype=np.uint64) * np.uint64(block.page_size)
    words = addresses | np.uint64(flag | RAM_SAVE_FLAG_CONTINUE)
    return words.astype(">u8").view(np.uint8).reshape(count, 8)


def _page_records(block: Block, first: int, pages: "NDArray[np.uint8]") -> memoryview:
    import numpy as np

    records = np.empty((len(pages), 8 + block.page_size), np.uint8)
    records[:, :8] = _words(block, first, len(pages), RAM_SAVE_FLAG_PAGE)
    records[:, 8:] = pages
    return records.data.cast("B")


def _zero_records(block: Block, first: int, count: int) -> memoryview:
    import numpy as np

    records = np.zeros((count, 9), np.uint8)  # the last byte of each is what fills the page
    records[:, :8] = _words(block, first, count, RAM_SAVE_FLAG_ZERO)
    return records.data.cast("B")
