"""Ranges of guest memory to export, with the blocks behind them."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.format.arithmetic import round_up
from mappedram.guest.physical import PhysicalMap, Range
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.snapshot import OpenSnapshot

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Blocks of flash. dump-guest-memory leaves them out, and programs would take their low addresses
#: for the beginning of RAM. Source: QEMU hw/block/pflash_cfi01.c, pflash_cfi01_register();
#: system/memory_mapping.c, guest_phys_block_add_section().
_FLASH = re.compile(r"[a-z]+\.flash[0-9]")

#: Bytes of a block whose runs are held at once; a multiple of every page size.
_PART = 1 << 34


@dataclass(frozen=True, slots=True)
class ExportedPiece:
    """A part of one RAM block.

    Attributes:
        block: the block.
        start: first byte within the block.
        size: bytes; both are whole pages.
        gpa: guest-physical address of the first byte.
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
        """Bytes that can be read from the file, as half-open runs within the block."""
        return self.block.stored.runs(*self._pages) * self.block.page_size

    @property
    def stored_bytes(self) -> int:
        """Number of bytes that can be read from the file."""
        runs = self.block.stored.iter_runs(*self._pages)
        return sum(int((part[:, 1] - part[:, 0]).sum()) for part in runs) * self.block.page_size

    def parts(self) -> "Iterator[ExportedPiece]":
        """The same in parts, so that the runs of one part take little memory."""
        for start in range(self.start, self.start + self.size, _PART):
            size = min(_PART, self.start + self.size - start)
            yield ExportedPiece(self.block, start, size, self.gpa + start - self.start)


@dataclass(frozen=True, slots=True)
class ExportedMemory:
    """Guest memory to export.

    Attributes:
        pieces: ranges with the memory behind them, ascending.
        unknown: memory that the file does not know, block by block; zeros are written for it, or
            the range is left out.
    """

    pieces: tuple[tuple[Range, ExportedPiece], ...]
    unknown: tuple[Coverage, ...]

    @property
    def stored_bytes(self) -> int:
        """Number of bytes that will be moved."""
        return sum(piece.stored_bytes for _, piece in self.pieces)


@dataclass(frozen=True, slots=True)
class WrittenMemory:
    """Result of writing a file.

    Attributes:
        refused: why `direct_io` was not used although it was asked for; None otherwise.
        doubts: what is missing in it, or may be wrong, in words.
        unknown: memory that the snapshot does not know; with `partial` only.
    """

    refused: str | None
    doubts: tuple[str, ...]
    unknown: tuple[Coverage, ...] = ()


def memory_of(
    snapshot: OpenSnapshot, physical: PhysicalMap, *, partial: bool = False
) -> ExportedMemory:
    """The memory behind the ranges of `physical`: RAM and ROM, but no flash.

    Args:
        snapshot: has the memory.
        physical: maps addresses to blocks.
        partial: go on if the file does not know all of it.

    Raises:
        UnknownPagesError: the file does not know all of it.
        FormatError: it is cut or damaged behind RAM, and where memory lies is a guess.
        UnsupportedError: it holds none of the ranges.
    """
    ranges = [one for one in _joined(physical.ranges) if not _is_flash(one)]
    unknown = _unknown(snapshot, {one.idstr for one in ranges})
    if not partial:
        require_known(unknown, snapshot.stream.stopped)
        if snapshot.stream.damaged:
            raise snapshot.stream.damaged
    pieces = []
    for one in ranges:
        block = snapshot.block[one.idstr]
        extent = _whole_pages(one, block.page_size) if block.readable else None
        if extent is not None:
            pieces.append((extent, ExportedPiece(block, extent.offset, extent.size, extent.gpa)))
    if not pieces:
        require_known(unknown, snapshot.stream.stopped)
        raise UnsupportedError("the guest has no memory")
    return ExportedMemory(tuple(pieces), tuple(unknown))


def _whole_pages(one: Range, page_size: int) -> Range | None:
    """The pages that are wholly in a range; registers of a device may be in front of a part.

    Raises:
        UnsupportedError: its pages do not begin at multiples of their size.
    """
    if (one.gpa - one.offset) % page_size:
        raise UnsupportedError(
            f"{one.gpa:#x} to {one.end:#x} is not aligned to pages of {page_size:#x} bytes"
        )
    start = round_up(one.offset, page_size)
    size = (one.offset + one.size) // page_size * page_size - start
    if size <= 0:
        return None
    return replace(one, gpa=one.gpa + start - one.offset, offset=start, size=size)


def _is_flash(one: Range) -> bool:
    return not one.is_ram and bool(_FLASH.fullmatch(one.idstr))


def _unknown(snapshot: OpenSnapshot, idstrs: Collection[str]) -> list[Coverage]:
    """Unknown parts of these blocks, and blocks that the file does not even name."""
    return [coverage for coverage in snapshot.coverages(idstrs) if coverage.unknown]


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that differ only in how they are known."""
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
