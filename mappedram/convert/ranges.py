"""Ranges of guest-physical addresses, put where a target wants them, holes kept as holes."""

import os
import re
from collections.abc import Iterable, Iterator
from ctypes import CDLL, c_int, c_longlong, get_errno
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.model import Stream
from mappedram.pageio import Progress, Target, copy_runs, in_parallel, share, write_rows
from mappedram.physical import PhysicalMap, Range
from mappedram.snapshot import Block, Snapshot

if TYPE_CHECKING:
    from mappedram.bitmap import Runs

#: Blocks of flash. dump-guest-memory leaves them out, and programs would take their low addresses
#: for the beginning of RAM. Source: QEMU hw/block/pflash_cfi01.c, pflash_cfi01_register();
#: system/memory_mapping.c, guest_phys_block_add_section().
_FLASH = re.compile(r"[a-z]+\.flash[0-9]")
#: include/uapi/linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_PUNCH_HOLE = 0x01 | 0x02


#: Bytes of a block whose runs are dealt with at once; a multiple of every page size.
_PART = 1 << 34


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one RAM block.

    Attributes:
        block: the block.
        start: first byte within the block.
        size: bytes; both are whole pages.
    """

    block: Block
    start: int
    size: int

    @property
    def _pages(self) -> tuple[int, int]:
        """Half-open run of its pages."""
        page_size = self.block.page_size
        return self.start // page_size, (self.start + self.size) // page_size

    def runs(self) -> "Runs":
        """What of it is in the file; half-open runs of bytes of the block."""
        return self.block.bitmap.runs(*self._pages) * self.block.page_size

    @property
    def stored_bytes(self) -> int:
        """How many bytes of it are in the file."""
        runs = self.block.bitmap.iter_runs(*self._pages)
        return sum(int((part[:, 1] - part[:, 0]).sum()) for part in runs) * self.block.page_size

    def parts(self) -> "Iterator[Piece]":
        """The same in parts, so that the runs of one never take much memory."""
        for start in range(self.start, self.start + self.size, _PART):
            size = min(_PART, self.start + self.size - start)
            yield Piece(self.block, start, size)


@dataclass(frozen=True, slots=True)
class Memory:
    """What of the guest's memory is exported.

    Attributes:
        pieces: ranges with the memory that answers them, ascending.
        omissions: what is left out because the file does not hold it, in words.
    """

    pieces: tuple[tuple[Range, Piece], ...]
    omissions: tuple[str, ...]

    @property
    def stored_bytes(self) -> int:
        """How many bytes are going to be moved."""
        return sum(piece.stored_bytes for _, piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file that was written.

    Attributes:
        refused: why `direct_io` was not used although it was asked for; None otherwise.
        doubts: what is missing in it, or may be wrong, in words.
    """

    refused: str | None
    doubts: tuple[str, ...]


def memory_of(snapshot: Snapshot, physical: PhysicalMap) -> Memory:
    """The memory behind the ranges of `physical`: RAM and ROM, but no flash.

    Args:
        snapshot: where the memory is.
        physical: which block answers which address.

    Raises:
        UnsupportedError: the save did not come to its end, so that which pages are in the file is
            not known; or the file holds none of the ranges.
        FormatError: the header of a block gives no sound page size.
    """
    if not snapshot.bitmaps_written:
        raise UnsupportedError(
            "the save did not come to its end: its bitmaps were never written, and which pages are"
            " in the file is not known (see `mappedram check`)"
        )
    pieces, omissions = [], []
    for extent in _joined(physical.ranges):
        block = snapshot.block[extent.idstr]
        if not extent.is_ram and _FLASH.fullmatch(extent.idstr):
            continue
        if not _holds(block, snapshot.stream):
            omissions.append(
                f"{extent.gpa:#x} to {extent.end:#x} is left out: this file holds no pages of"
                f" block {block.idstr!r}"
            )
            continue
        if extent.offset % block.page_size or extent.size % block.page_size:
            raise UnsupportedError(
                f"{extent.gpa:#x} to {extent.end:#x} is not made of whole pages of"
                f" {block.page_size:#x} bytes"
            )
        pieces.append((extent, Piece(block, extent.offset, extent.size)))
    if not pieces:
        raise UnsupportedError("; ".join(omissions) or "the guest has no memory")
    return Memory(tuple(pieces), tuple(omissions))


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges, those made one that differ only in where the knowledge of them comes from."""
    joined: list[Range] = []
    for one in ranges:
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.idstr, last.is_ram) == (one.idstr, one.is_ram)
            and (last.end, last.offset + last.size) == (one.gpa, one.offset)
        ):
            joined[-1] = replace(last, size=last.size + one.size)
        else:
            joined.append(one)
    return joined


def _holds(block: Block, stream: Stream) -> bool:
    """Whether the file says anything of what the block holds.

    A stream says nothing of pages of zeros, nor of shared memory that it leaves out. Source: QEMU
    migration/ram.c, migrate_ram_is_ignored().
    """
    if block.scattered is None:
        return block.has_pages
    return len(block.scattered.pages) > 0 or not stream.announces_x_ignore_shared


def write_pieces(
    pieces: Iterable[tuple[Piece, int]],
    fd: int,
    *,
    channels: int = 1,
    direct_io: bool = False,
    progress: Progress | None = None,
) -> str | None:
    """Write pieces to their places in the file open as `fd`; where no page is stored, nothing.

    Where the file system can, the blocks of the snapshot become those of the new file as well,
    and nothing is read or written. It takes places that are multiples of its block size.

    Args:
        pieces: each with the offset in the file where it begins.
        fd: descriptor of a seekable file, open for writing, with a hole at each of these places.
        channels: number of threads.
        direct_io: write past the page cache where the file system can.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        TruncatedError: the snapshot ends before a page that its bitmap promises.
        OSError: reading or writing failed.
    """
    target = Target(fd, direct_io=direct_io)
    try:
        for piece, place in pieces:
            for part in piece.parts():
                _write(part, place + part.start - piece.start, target, channels, progress)
    finally:
        target.close()
    return target.refused


def _write(
    piece: Piece, place: int, target: Target, channels: int, progress: Progress | None
) -> None:
    """Write a piece to its place, in the way that costs least."""
    if piece.block.scattered is not None:
        _collect(piece, place, target, channels, progress)
    elif not target.is_direct and _share(piece, place, target.fd):
        if progress:
            progress(piece.stored_bytes)
    else:
        first = _pages_offset(piece)
        shift = place - piece.start - first
        runs = piece.runs() + first
        copy_runs(piece.block.source, runs, target, shift, channels=channels, progress=progress)


def _pages_offset(piece: Piece) -> int:
    offset = piece.block.model.pages_offset
    assert offset is not None
    return offset


def _collect(
    piece: Piece, place: int, target: Target, channels: int, progress: Progress | None
) -> None:
    """Pages that stand one by one in a stream, each put in its place."""
    scattered = piece.block.scattered
    assert scattered is not None
    bounds = [piece.start // scattered.page_size, (piece.start + piece.size) // scattered.page_size]
    lower, upper = scattered.pages.searchsorted(bounds).tolist()
    step = scattered.batch_size

    def collect(start: int) -> None:
        pages, data = scattered.collect(piece.block.source, start, min(start + step, upper))
        write_rows(target, pages, data, place - piece.start)
        if progress:
            progress(data.nbytes)

    in_parallel(collect, iter(range(lower, upper, step)), channels)


def _share(piece: Piece, place: int, fd: int) -> bool:
    """Let the file share the whole stretch, then take out what the bitmap takes out."""
    source, first = piece.block.source, _pages_offset(piece)
    begin, end = first + piece.start, first + piece.start + piece.size
    if end > source.size or not share(source, begin, end, fd, place - begin):
        return False
    position = begin
    for start, stop in [*(piece.runs() + first).tolist(), (end, end)]:
        for stale, last in source.extents(position, start):
            _punch(fd, stale + place - begin, last - stale)
        position = stop
    return True


def _punch(fd: int, offset: int, length: int) -> None:
    """Make a hole; what is not a whole block of the file system is written over with zeros."""
    libc = CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (c_int, c_int, c_longlong, c_longlong)
    if libc.fallocate(fd, _PUNCH_HOLE, offset, length):
        code = get_errno()
        raise OSError(code, os.strerror(code))
