"""Where everything goes: the position algebra of the format (spec/format.md, clause 8.1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mappedram.drivers.base import Driver
from mappedram.errors import BuildError
from mappedram.layout.arithmetic import DEFAULT_WORD_SIZE, bitmap_size, is_page_size, round_up
from mappedram.layout.constants import (
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
    MAPPED_RAM_HDR_VERSION,
    RAM_SAVE_FLAG_MEM_SIZE,
)
from mappedram.model import MappedRamHeader, RamBlock

#: Offsets are signed 64-bit numbers to the system (off_t).
_OFFSET_MAX = (1 << 63) - 1
#: Its length is one byte.
_IDSTR_MAX = 255


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """A RAM block to be written.

    Attributes:
        idstr: name, 1 to 255 bytes in ISO 8859-1.
        used_length: bytes of guest memory, a whole number of pages.
        addr: offset of the region in its container; written where x-ignore-shared is announced.
        ignored: whether the file is to hold no data of it, as of a shared block.
    """

    idstr: str
    used_length: int
    addr: int = 0
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The blocks in their places.

    Attributes:
        start: offset of the record MEM_SIZE.
        blocks: the blocks with all their offsets.
        headers: bytes to write, by offset: MEM_SIZE and the header of each block.
        end: where the stream goes on, with the EOS of the section.
    """

    start: int
    blocks: tuple[RamBlock, ...]
    headers: tuple[tuple[int, bytes], ...]
    end: int


def plan(
    blocks: Sequence[BlockSpec],
    start: int,
    page_size: int,
    driver: Driver,
    *,
    has_addr: bool = False,
    align: int = MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
    word_size: int = DEFAULT_WORD_SIZE,
) -> Plan:
    """Lay out the blocks from `start` on, the offset of the record MEM_SIZE.

    Raises:
        BuildError: no loader could take such a file.
    """
    _refuse_impossible(blocks, page_size, align)
    total = sum(block.used_length for block in blocks)
    if total > _OFFSET_MAX:
        raise BuildError(f"used_length: {total:#x} bytes in all are more than a file can hold")
    values = {"total_and_flags": total | RAM_SAVE_FLAG_MEM_SIZE}
    headers = [(start, driver.build("mem_size", values, {}))]
    position = start + len(headers[0][1])
    placed = []
    for index, spec in enumerate(blocks):
        block, header = _place(
            spec,
            index,
            position,
            page_size,
            driver,
            has_addr=has_addr,
            align=align,
            word_size=word_size,
        )
        headers.append((position, header))
        placed.append(block)
        position = block.next_offset
    if position > _OFFSET_MAX:
        raise BuildError(f"the file would end at {position:#x}, beyond what a file can hold")
    return Plan(start, tuple(placed), tuple(headers), position)


def _refuse_impossible(blocks: Sequence[BlockSpec], page_size: int, align: int) -> None:
    if not is_page_size(page_size):
        raise BuildError(
            f"page_size: expected a power of two from 256 bytes to 64 KiB, got {page_size}"
        )
    if align < page_size or align % page_size:
        raise BuildError(f"align: expected a multiple of the page size, got {align:#x}")
    names: set[str] = set()
    for block in blocks:
        if not 1 <= len(block.idstr) <= _IDSTR_MAX or max(block.idstr) > "\xff":
            raise BuildError(f"idstr: expected 1 to 255 bytes in ISO 8859-1, got {block.idstr!r}")
        if block.idstr in names:
            raise BuildError(f"idstr: two blocks are called {block.idstr!r}")
        names.add(block.idstr)
        if block.used_length <= 0 or block.used_length % page_size:
            raise BuildError(
                f"used_length of {block.idstr!r}: expected a positive multiple of {page_size:#x},"
                f" got {block.used_length:#x}"
            )


def _place(
    spec: BlockSpec,
    index: int,
    position: int,
    page_size: int,
    driver: Driver,
    *,
    has_addr: bool,
    align: int,
    word_size: int,
) -> tuple[RamBlock, bytes]:
    """One block at `position`, and its header."""
    params = {"has_addr": has_addr, "has_mapped_ram": True}
    header_length = 1 + len(spec.idstr) + 8 + (8 if has_addr else 0) + 28
    bitmap_offset = position + header_length
    bitmap_end = bitmap_offset + bitmap_size(spec.used_length // page_size, word_size)
    mapped_ram = MappedRamHeader(
        MAPPED_RAM_HDR_VERSION,
        page_size,
        0 if spec.ignored else bitmap_offset,
        0 if spec.ignored else round_up(bitmap_end, align),
    )
    values = {
        "len_idstr": len(spec.idstr),
        "idstr": spec.idstr,
        "used_length": spec.used_length,
        "page_size": None,
        "addr": spec.addr if has_addr else None,
        "mapped_ram": {name: getattr(mapped_ram, name) for name in mapped_ram.__slots__},
    }
    block = RamBlock(
        path=f"/ram/blocks[{index}]",
        offset=position,
        header_length=header_length,
        idstr=spec.idstr,
        used_length=spec.used_length,
        addr=spec.addr if has_addr else None,
        mapped_ram=mapped_ram,
        word_size=word_size,
    )
    return block, driver.build("ramblock_header", values, params)
