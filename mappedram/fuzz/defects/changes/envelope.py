"""MR0: files that cannot be followed, are cut off, or lack their sections of RAM."""

from mappedram.format.constants import SectionType
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.names import MIB, RSDP
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR001")
def no_such_section(draft: ChangeableFile) -> int:
    return draft.write(draft.section(SectionType.FULL, "vmmouse").offset, b"\x42")


@changes("MR001")
def header_version_2(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "mapped_ram/version", 2)


@changes("MR001", "MR202", "MR401")  # pages cannot lead back without being at a wrong place
def pages_that_lead_back(draft: ChangeableFile) -> int:
    """QEMU goes on behind the pages, and reads the last block again, and again."""
    pages_offset = draft.block("pc.ram").pages_offset
    assert pages_offset is not None
    return draft.set_in(RSDP, "mapped_ram/pages_offset", pages_offset + 0x1000)


@changes("MR002")
def cut_between_sections(draft: ChangeableFile) -> int:
    end = draft.section(SectionType.COMMAND).offset
    draft.resize(end)
    return end


@changes("MR002")
def cut_in_the_header_of_the_description(draft: ChangeableFile) -> int:
    header = draft.section(SectionType.VMDESCRIPTION).offset
    draft.resize(header + 3)
    return header + 1


@changes("MR002")
def cut_in_the_pages(draft: ChangeableFile) -> int:
    draft.resize(8 * MIB)
    return draft.field("/ram/blocks[0]", "mapped_ram/pages_offset")[0]


@changes("MR003")
def end_made_part(draft: ChangeableFile) -> int:
    end, eof = draft.section(SectionType.END), draft.section(SectionType.EOF)
    draft.write(end.offset, bytes([SectionType.PART]))
    return eof.offset


@changes("MR018", "MR012")  # which any stream without mapped-ram says
def end_of_a_stream_made_part(draft: ChangeableFile) -> int:
    return end_made_part(draft)


@changes("MR004")
def not_a_stream(draft: ChangeableFile) -> int:
    return draft.write(0, b"\x7fELF")


@changes("MR006")
def no_ram_sections(draft: ChangeableFile) -> int:
    start, end = draft.section(SectionType.START, "ram"), draft.section(SectionType.END, "ram")
    length, eof = end.end - start.offset, draft.section(SectionType.EOF)
    draft.remove(start.offset, length)
    return eof.offset - length


@changes("MR006", "MR022", "MR041")  # a device that has lost its START, too
def no_start_and_no_configuration(draft: ChangeableFile) -> int:
    """PART and END are left, so that it is no file of `xen-save-devices-state`."""
    start = draft.section(SectionType.START, "ram")
    draft.remove(start.offset, start.end - start.offset)
    return draft.section(SectionType.EOF).offset


@changes("MR043")
def one_more_byte(draft: ChangeableFile) -> int:
    return draft.write(draft.size, b"x")
