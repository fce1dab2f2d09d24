"""MR4: bitmaps and pages at places where they cannot be."""

from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.names import MIB, TABLES
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR401", "MR207")  # a bitmap that overlaps is not at its usual place
def bitmap_in_the_pages(draft: ChangeableFile) -> int:
    draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 8 * MIB)
    return 8 * MIB


@changes("MR402", "MR207")  # nor is one outside of the file
def bitmap_behind_the_end(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", draft.size)


@changes("MR403")
def byte_in_the_padding(draft: ChangeableFile) -> int:
    pages_offset = draft.block(TABLES).pages_offset
    assert pages_offset is not None
    return draft.write(pages_offset - 1, b"x")


@changes("MR404", "MR207")  # nor is one before the stream
def bitmap_in_the_container(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 64)
