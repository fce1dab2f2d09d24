"""What of a guest's memory is exported: ranges of addresses with the memory behind them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.model import Stream
from mappedram.physical import PhysicalMap, Range
from mappedram.snapshot import Block, Snapshot

if TYPE_CHECKING:
    from mappedram.bitmap import Runs

#: Blocks of flash. dump-guest-memory leaves them out, and programs would take their low addresses
#: for the beginning of RAM. Source: QEMU hw/block/pflash_cfi01.c, pflash_cfi01_register();
#: system/memory_mapping.c, guest_phys_block_add_section().
_FLASH = re.compile(r"[a-z]+\.flash[0-9]")

#: Bytes of a block whose runs are dealt with at once; a multiple of every page size.
_PART = 1 << 34


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one RAM block.

    Attributes:
        block: the block.
        start: first byte within the block.
        size: bytes; both are whole pages.
        gpa: guest-physical address of the first.
    """

    block: Block
    start: int
    size: int
    gpa: int

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
            yield Piece(self.block, start, size, self.gpa + start - self.start)


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
        pieces.append((extent, Piece(block, extent.offset, extent.size, extent.gpa)))
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
