"""Compute the layout of a file from its declaration (spec/format.md, clause 8.1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mappedram.errors import BuildError
from mappedram.format import file
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE, is_page_size
from mappedram.format.constants import CAPABILITY_X_IGNORE_SHARED, MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said
from mappedram.format.typed import Fields
from mappedram.stream.model import RamBlock
from mappedram.stream.reader import assemble
from mappedram.stream.writer.build import Built

#: The system's offsets are signed 64-bit numbers (off_t).
_OFFSET_MAX = (1 << 63) - 1
#: The length of a name is one byte.
_IDSTR_MAX = 255


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """A RAM block to write.

    Attributes:
        idstr: name, 1 to 255 bytes in ISO 8859-1.
        used_length: bytes of guest memory, a whole number of pages.
        addr: offset of the region in its container; written if x-ignore-shared is announced.
        ignored: whether the file has no data of it, as for a shared block.
    """

    idstr: str
    used_length: int
    addr: int = 0
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class LayoutPlan:
    """The blocks at their places.

    Attributes:
        start: offset of the record MEM_SIZE.
        blocks: the blocks with all their offsets.
        headers: bytes to write, by offset: MEM_SIZE and the header of each block.
        end: offset where the stream continues, with the EOS of the section.
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
) -> LayoutPlan:
    """Lay out the blocks from `start` on, the offset of the record MEM_SIZE.

    Raises:
        BuildError: no loader could accept such a file.
    """
    _refuse_impossible(blocks, page_size, align)
    total = sum(block.used_length for block in blocks)
    if total > _OFFSET_MAX:
        raise BuildError(f"used_length: {total:#x} bytes in all are more than a file can hold")
    said = Said(mapped_ram=True, capabilities=(CAPABILITY_X_IGNORE_SHARED,) if has_addr else ())
    built = Built(driver, start, said=said, align=align, word_size=word_size)
    headers = [{"header": _header(block, page_size, has_addr=has_addr)} for block in blocks]
    built.add(file.RamList, {"blocks": headers})
    if built.position > _OFFSET_MAX:
        raise BuildError(f"the file would end at {built.position:#x}, beyond what a file can hold")
    placed = assemble.blocks(built.elements, word_size)
    return LayoutPlan(start, placed, tuple(built.pieces), built.position)


def _header(block: BlockSpec, page_size: int, *, has_addr: bool) -> Fields:
    nowhere = {"bitmap_offset": 0, "pages_offset": 0} if block.ignored else {}
    return {
        "idstr": block.idstr,
        "used_length": block.used_length,
        "addr": block.addr if has_addr else None,
        "mapped_ram": {"page_size": page_size, **nowhere},
    }


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
