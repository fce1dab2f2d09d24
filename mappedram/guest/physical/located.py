"""Where one byte of guest memory stands: its block, and its place in the file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.guest.physical.memory import PhysicalMemory
from mappedram.guest.physical.ranges import PhysicalMap, Range

if TYPE_CHECKING:
    from mappedram.stream.block import Block
    from mappedram.stream.snapshot import OpenSnapshot


@dataclass(frozen=True, slots=True)
class Located:
    """One byte of guest memory.

    Attributes:
        address: its address in the map.
        idstr: name of the RAM block.
        block_offset: which byte of the block it is.
        file_offset: which byte of the file; None where the file does not store it as it is: a page
            of zeros, a compressed one, or one that is known by differences.
    """

    address: int
    idstr: str
    block_offset: int
    file_offset: int | None


def locate(memory: PhysicalMemory, address: int) -> Located:
    """Where the byte at an address stands.

    Raises:
        ValueError: the address is not memory.
        FormatError: as `Block.read` does.
    """
    one, first, _ = next(memory.pieces(address, 1))
    offset = one.offset + first
    return Located(address, one.idstr, offset, _file_offset(memory, one, first))


def _file_offset(memory: PhysicalMemory, one: Range, first: int) -> int | None:
    block = memory.block(one)
    if block.recorded is None or not block.has_pages:
        return memory.file_offset(one, first, 1)
    page, within = divmod(one.offset + first, block.page_size)
    place = block.recorded.place(page)
    return None if place is None else place + within


def block_memory(snapshot: "OpenSnapshot", block: "Block") -> PhysicalMemory:
    """One block as memory whose addresses are the offsets in it, from 0 on.

    Raises:
        UnsupportedError: the block has no bytes.
    """
    if not block.used_length:
        raise UnsupportedError(f"block {block.idstr!r} has no bytes", path=block.model.path)
    basis = "the block alone"
    whole = Range(0, block.used_length, block.idstr, 0, is_ram=True, basis=basis, certain=True)
    return PhysicalMemory(snapshot, PhysicalMap((whole,), (), ()))
