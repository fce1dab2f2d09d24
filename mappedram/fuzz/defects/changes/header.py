"""MR2: mapped-ram headers that cannot be right."""

from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.names import MIB, RSDP
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR201")
def pages_off_by_512(draft: ChangeableFile) -> int:
    return _move_pages(draft, 0x200)


@changes("MR202")
def pages_off_by_a_page(draft: ChangeableFile) -> int:
    return _move_pages(draft, 0x1000)


@changes("MR203")
def pages_off_by_1mib(draft: ChangeableFile) -> int:
    return _move_pages(draft, MIB)


@changes("MR211")
def all_pages_at_2mib(draft: ChangeableFile) -> int:
    return _move_pages(draft, MIB, "ram")


def _move_pages(draft: ChangeableFile, distance: int, idstr: str = RSDP) -> int:
    pages_offset = draft.block(idstr).pages_offset
    assert pages_offset is not None
    draft.insert(pages_offset, bytes(distance))
    return draft.set_in(idstr, "mapped_ram/pages_offset", pages_offset + distance)


@changes("MR204")
def page_size_zero(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 0)


@changes("MR204")
def page_size_one(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 1)


@changes("MR205")
def page_size_halved(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 2048)


@changes("MR205")
def target_page_bits_13(draft: ChangeableFile) -> int:
    return draft.set("/configuration/subsections[0]", "body/target_page_bits", 13)


@changes("MR205", "MR302", "MR303")  # with half the page size, the bitmap means other pages
def description_of_another_target(draft: ChangeableFile) -> int:
    """Of two that differ, the description is believed: it says so once for the whole machine."""
    return draft.set("/ram/blocks[0]", "mapped_ram/page_size", 2048)


@changes("MR206")
def header_version_0(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/version", 0)


@changes("MR207")
def bitmap_eight_bytes_on(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", draft.block("pc.rom").header_end + 8)


@changes("MR208")
def bitmap_offset_zero(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 0)


@changes("MR209")
def shared_block(draft: ChangeableFile) -> int:
    return _take_data_away(draft)


@changes("MR210", "MR061", "MR209")  # no release loads it; a block without data is worth a note
def shared_block_unannounced(draft: ChangeableFile) -> int:
    return _take_data_away(draft)


def _take_data_away(draft: ChangeableFile) -> int:
    block = draft.block(RSDP)
    draft.remove(block.header_end, block.next_offset - block.header_end)
    draft.write(block.header_end - 16, bytes(16))
    return block.header_end - 16
