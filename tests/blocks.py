"""RAM blocks without a file."""

from dataclasses import replace
from typing import cast

from mappedram.format import structures
from mappedram.stream.model import Element, RamBlock


def ram_block(
    idstr: str,
    used_length: int,
    mapped_ram: structures.MappedRamHeader | None = None,
    *,
    path: str = "",
) -> RamBlock:
    """A block whose header has no place and no bytes."""
    values: structures.RamBlockHeader = {
        "len_idstr": len(idstr),
        "idstr": idstr,
        "used_length": used_length,
        "page_size": None,
        "addr": None,
        "mapped_ram": mapped_ram,
    }
    return RamBlock(Element(structures.RAMBLOCK_HEADER, path, 0, 0, values))


def with_fields(block: RamBlock, **fields: int | str) -> RamBlock:
    """The block with other values in its header."""
    values = cast("structures.RamBlockHeader", {**block.element.fields, **fields})
    return replace(block, element=replace(block.element, values=values))
