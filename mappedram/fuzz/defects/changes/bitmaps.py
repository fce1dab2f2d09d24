"""MR3: bitmaps that do not agree with the pages."""

from mappedram.format.constants import SectionType
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.names import LOADER, RSDP, TABLES
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR304", "MR002")
def failed_between_bitmaps(draft: ChangeableFile) -> int | None:
    """The header of END is there, its EOS is not, and bitmaps are missing."""
    missing = [draft.block(name) for name in ("pc.bios", "pc.rom", TABLES, LOADER, RSDP)]
    first = min(block.bitmap_offset or 0 for block in missing if block.idstr != "pc.rom")
    draft.resize(draft.section(SectionType.END).payload_offset)
    for block in missing:
        draft.write(block.bitmap_offset or 0, bytes(block.bitmap_size))
    return first


@changes("MR301")
def bit_of_a_page_too_many(draft: ChangeableFile) -> int:
    bitmap_offset = draft.block(RSDP).bitmap_offset
    assert bitmap_offset is not None
    return draft.write(bitmap_offset, b"\x03")


@changes("MR302")
def bit_over_a_hole(draft: ChangeableFile) -> int:
    block = draft.block("pc.ram")
    assert block.bitmap_offset is not None
    assert block.pages_offset is not None
    draft.write(block.bitmap_offset + 1000 // 8, b"\x01")
    return block.pages_offset + 1000 * 4096


@changes("MR304")
def empty_bitmap(draft: ChangeableFile) -> int:
    block = draft.block("ram")
    assert block.bitmap_offset is not None
    return draft.write(block.bitmap_offset, bytes(block.bitmap_size))


@changes("MR305")
def big_endian_words(draft: ChangeableFile) -> int:
    blocks = draft.blocks
    for block in blocks:
        assert block.bitmap_offset is not None
        words = draft.read(block.bitmap_offset, block.bitmap_size)
        swapped = [words[at : at + 8][::-1] for at in range(0, len(words), 8)]
        draft.write(block.bitmap_offset, b"".join(swapped))
    return blocks[0].header_end
