"""For every rule: a real file, and the one change to it that makes the rule fire."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from mappedram.format.constants import SectionType
from mappedram.stream.model import Section
from tests.check.draft import Draft

MIB = 1 << 20
RSDP = "/rom@etc/acpi/rsdp"
TABLES = "/rom@etc/acpi/tables"
LOADER = "/rom@etc/table-loader"

#: Changes a draft, and returns the offset of the finding.
Change = Callable[[Draft], int | None]


@dataclass(frozen=True)
class Case:
    """A change that makes `code` fire; `also` fires with it unavoidably."""

    code: str
    fixture: str
    change: Change
    also: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.code}-{self.change.__name__}"


CASES: list[Case] = []


def case(code: str, fixture: str, *also: str) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        CASES.append(Case(code, fixture, change, frozenset(also)))
        return change

    return register


# MR0: envelope and framing.


@case("MR001", "pc")
def no_such_section(draft: Draft) -> int:
    return draft.write(draft.section(SectionType.FULL, "vmmouse").offset, b"\x42")


@case("MR001", "pc")
def header_version_2(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/version", 2)


@case("MR001", "pc", "MR202", "MR401")  # pages cannot lead back without being at a wrong place
def pages_that_lead_back(draft: Draft) -> int:
    """QEMU goes on behind the pages, and reads the last block again, and again."""
    pages_offset = draft.block("pc.ram").pages_offset
    assert pages_offset is not None
    return draft.set_in(RSDP, "mapped_ram/pages_offset", pages_offset + 0x1000)


@case("MR002", "pc")
def cut_between_sections(draft: Draft) -> int:
    end = draft.section(SectionType.COMMAND).offset
    draft.truncate(end)
    return end


@case("MR002", "none")
def cut_in_the_header_of_the_description(draft: Draft) -> int:
    header = draft.section(SectionType.VMDESCRIPTION).offset
    draft.truncate(header + 3)
    return header + 1


@case("MR002", "none")
def cut_in_the_pages(draft: Draft) -> int:
    draft.truncate(8 * MIB)
    return draft.field("/ram/blocks[0]", "mapped_ram/pages_offset")[0]


@case("MR003", "pc")
def end_made_part(draft: Draft) -> int:
    draft.write(draft.section(SectionType.END).offset, bytes([SectionType.PART]))
    return draft.section(SectionType.EOF).offset


@case("MR003", "background-snapshot", "MR304")  # its bitmaps are empty for the same reason
def background_snapshot(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@case("MR304", "pc", "MR002")
def failed_between_bitmaps(draft: Draft) -> int | None:
    """The header of END is there, its EOS is not, and bitmaps are missing."""
    missing = [draft.block(name) for name in ("pc.bios", "pc.rom", TABLES, LOADER, RSDP)]
    first = min(block.bitmap_offset or 0 for block in missing if block.idstr != "pc.rom")
    draft.truncate(draft.section(SectionType.END).payload_offset)
    for block in missing:
        draft.write(block.bitmap_offset or 0, bytes(block.bitmap_size))
    return first


@case("MR018", "plain", "MR012")  # which any stream without mapped-ram says
def end_of_a_stream_made_part(draft: Draft) -> int:
    draft.write(draft.section(SectionType.END).offset, bytes([SectionType.PART]))
    return draft.section(SectionType.EOF).offset


@case("MR018", "background-snapshot-plain", "MR012")
def background_snapshot_plain(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@case("MR019", "devices-only", "MR041")  # QEMU writes no description there
def devices_only(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@case("MR012", "plain")
def without_mapped_ram(draft: Draft) -> int:
    return draft.section(SectionType.START).offset


@case("MR017", "compress", "MR012")
def compressed_pages(draft: Draft) -> int:
    """A word ends in 0x120, and the length of a zlib stream is below 65,536."""
    start = draft.section(SectionType.PART).payload_offset
    found = re.compile(rb"\0{5}.[\x01-\xf1] \0\0", re.DOTALL).search(draft.path.read_bytes(), start)
    assert found
    return found.start()


@case("MR020", "no-footers-no-vmdesc")
def neither_footers_nor_description(draft: Draft) -> int:
    return draft.section(SectionType.FULL).payload_offset


@case("MR004", "none")
def not_a_stream(draft: Draft) -> int:
    return draft.write(0, b"\x7fELF")


@case("MR006", "none")
def no_ram_sections(draft: Draft) -> int:
    start, end = draft.section(SectionType.START, "ram"), draft.section(SectionType.END, "ram")
    draft.remove(start.offset, end.end - start.offset)
    return draft.section(SectionType.EOF).offset


@case("MR006", "no-configuration", "MR022", "MR041")  # a device that has lost its START, too
def no_start_and_no_configuration(draft: Draft) -> int:
    """PART and END are left, so that it is no file of `xen-save-devices-state`."""
    start = draft.section(SectionType.START, "ram")
    draft.remove(start.offset, start.end - start.offset)
    return draft.section(SectionType.EOF).offset


@case("MR007", "no-configuration", "MR041")  # QEMU can only write it without description
def no_configuration(draft: Draft) -> int:
    return draft.base + 8


@case("MR008", "none")
def third_capability(draft: Draft) -> int:
    block, entry = draft.block("ram"), b"\x06xbzrle"
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end + len(entry))
    count = draft.set("/configuration/subsections[0]", "body/caps_count", 2)
    draft.insert(count + 4, entry, until=block.pages_offset)
    return count + 4 + 1


@case("MR009", "none")
def subsection_version_2(draft: Draft) -> int:
    return draft.set("/configuration/subsections[0]", "version_id", 2)


@case("MR010", "uuid")
def uuid_before_capabilities(draft: Draft) -> int:
    capabilities, uuid = (
        draft.element(f"/configuration/subsections[{index}]") for index in range(2)
    )
    parts = [draft.read(part.offset, part.length) for part in (uuid, capabilities)]
    draft.write(capabilities.offset, b"".join(parts))
    return draft.field("/configuration/subsections[1]", "idstr")[0]


@case("MR013", "ignore-shared")
def mapped_ram_first(draft: Draft) -> int:
    count, length = draft.field("/configuration/subsections[0]", "body/caps_count")
    draft.write(count + length, b"\x0amapped-ram\x0fx-ignore-shared")
    return count + length + 11 + 1


@case("MR014", "none", "MR001")  # the header, read eight bytes on, has an impossible version
def blocks_without_addr(draft: Draft) -> int:
    block, entry = draft.block("ram"), b"\x0fx-ignore-shared"
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end + len(entry))
    count = draft.set("/configuration/subsections[0]", "body/caps_count", 2)
    draft.insert(count + 4, entry, until=block.pages_offset)
    return block.header_end + len(entry) - 28


@case("MR015", "none")
def no_machine(draft: Draft) -> int:
    block = draft.block("ram")
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end - len("none"))
    length = draft.set("/configuration/header", "len_name", 0)
    rest = draft.read(length + 8, block.header_end + block.bitmap_size - (length + 8))
    draft.write(length + 4, rest + bytes(len("none")))
    return length


@case("MR016", "none")
def machine_with_nul(draft: Draft) -> int:
    return draft.set("/configuration/header", "name", b"no\0e")


@case("MR016", "none", "MR061")  # no release loads it
def machine_with_escape(draft: Draft) -> int:
    return draft.set("/configuration/header", "name", b"no\x1be")


@case("MR008", "none", "MR061")  # no release loads it
def capability_of_no_release(draft: Draft) -> int:
    block, entry = draft.block("ram"), b"\x09fixed-ram"
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end + len(entry))
    count = draft.set("/configuration/subsections[0]", "body/caps_count", 2)
    draft.insert(count + 4, entry, until=block.pages_offset)
    return count + 4 + 1


@case("MR021", "none")
def nameless_section(draft: Draft) -> int:
    section = draft.section(SectionType.FULL)
    _describe(draft, f'"{section.idstr}"'.encode(), b'""')
    draft.remove(section.offset + 6, len(section.idstr or ""))
    return draft.write(section.offset + 5, b"\0")


@case("MR022", "pc")
def part_of_nobody(draft: Draft) -> int:
    offset = draft.section(SectionType.COMMAND).offset
    return draft.insert(offset, bytes.fromhex("02 00000099 7e 00000099")) + 1


@case("MR023", "pc")
def end_twice(draft: Draft) -> int:
    end = draft.section(SectionType.END)
    return draft.insert(end.end, draft.read(end.offset, end.length))


@case("MR024", "pc")
def footer_of_another(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.PART).path}/footer", "section_id", 0x99)


@case("MR025", "pc")
def no_footer(draft: Draft) -> int:
    return draft.remove(draft.section(SectionType.PART).payload_end, 5)


@case("MR026", "pc")
def ram_version_5(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.START).path}/header", "version_id", 5)


@case("MR027", "pc")
def ram_instance_1(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.START).path}/header", "instance_id", 1)


@case("MR028", "pc")
def device_of_the_folder_above(draft: Draft) -> int:
    section, text = draft.section(SectionType.FULL, "vmmouse"), draft.description()
    draft.write(text.payload_offset, draft.read_payload(text).replace(b'"vmmouse"', b'"../ouse"'))
    return draft.set(f"{section.path}/header", "idstr", b"../ouse")


@case("MR031", "pc")
def command_99(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 99)


@case("MR032", "pc", "MR033")  # no command that belongs in a file has data
def switchover_with_data(draft: Draft) -> int:
    path = f"{draft.section(SectionType.COMMAND).path}/header"
    length = draft.set(path, "len_data", 2)
    draft.insert(length + 2, b"\0\0")
    return length


@case("MR061", "pc", "MR033")  # which is a warning: others of its commands pass
def postcopy_run(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 5)


@case("MR033", "pc")
def saved_with_x_colo(draft: Draft) -> int:
    """ENABLE_COLO, as a save with the capability writes it; a destination that has it loads it."""
    return draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 8)


@case("MR034", "pc")
def switchover_before_part(draft: Draft) -> int:
    part, command = draft.section(SectionType.PART), draft.section(SectionType.COMMAND)
    return _swap(draft, part, command)


@case("MR034", "pc")
def switchover_twice(draft: Draft) -> int:
    command = draft.section(SectionType.COMMAND)
    return draft.insert(command.end, draft.read(command.offset, command.length))


@case("MR034", "dirty-bitmaps", "MR061")  # no release loads it
def advise_behind_ram(draft: Draft) -> int:
    """With the START of another device in between, nothing but the place changes."""
    command, start = draft.section(SectionType.COMMAND), draft.section(SectionType.PART)
    data = draft.read(command.offset, command.length)
    return draft.insert(start.offset, data)


def _swap(draft: Draft, first: Section, second: Section) -> int:
    """Exchange two sections that follow each other."""
    parts = [draft.read(part.offset, part.length) for part in (second, first)]
    return draft.write(first.offset, b"".join(parts))


@case("MR041", "no-vmdesc")
def no_vmdescription(draft: Draft) -> int:
    return draft.size


@case("MR042", "none")
def description_is_not_json(draft: Draft) -> int:
    return draft.write(draft.section(SectionType.VMDESCRIPTION).payload_offset, b"x")


@case("MR042", "none")
def description_is_cut(draft: Draft) -> int:
    draft.truncate(draft.size - 1)
    return draft.section(SectionType.VMDESCRIPTION).offset + 1


@case("MR042", "none")
def description_without_devices(draft: Draft) -> int:
    section = draft.section(SectionType.VMDESCRIPTION)
    text = draft.read(section.payload_offset, section.payload_length)
    return draft.write(section.payload_offset, text.replace(b'"devices"', b'"DEVICES"'))


@case("MR042", "none")
def description_on_two_lines(draft: Draft) -> int:
    return _describe(draft, b'", "', b'",\n"')


@case("MR044", "none")
def description_of_another_device(draft: Draft) -> int:
    return _describe(draft, b'"globalstate"', b'"globalstatf"')


@case("MR044", "none")
def description_of_one_device_less(draft: Draft) -> int:
    """The last device is described as a subsection, which is as long."""
    section = draft.description()
    devices = json.loads(draft.read_payload(section))["devices"]
    text = json.dumps({"page_size": 4096, "devices": devices[:-1]}).encode()
    return _describe_as(draft, text)


@case("MR045", "none")
def description_of_another_version(draft: Draft) -> int:
    return _describe(draft, b'"version": 2', b'"version": 3')


@case("MR046", "none")
def description_of_another_length(draft: Draft) -> int:
    _describe(draft, b'"size": 8', b'"size": 9')
    return draft.section(SectionType.FULL, "timer").payload_offset


@case("MR047", "uuid")
def description_of_another_subsection(draft: Draft) -> int:
    return _describe(draft, b'"configuration/uuid"', b'"configuration/uuie"')


def _describe(draft: Draft, old: bytes, new: bytes) -> int:
    """Put other words into the JSON text, where they are first; returns its offset."""
    text = draft.read_payload(draft.description())
    assert old in text
    return _describe_as(draft, text.replace(old, new, 1))


def _describe_as(draft: Draft, text: bytes) -> int:
    section = draft.description()
    draft.truncate(section.payload_offset)
    draft.write(section.payload_offset - 4, len(text).to_bytes(4, "big") + text)
    return section.payload_offset


# How a stream calls its devices, and in which order they come.


@case("MR051", "virtio-mem")
def device_with_the_number_of_ram(draft: Draft) -> int:
    return _renumber(draft, draft.section(SectionType.FULL))


@case("MR052", "pc")
def device_with_the_number_that_ram_had(draft: Draft) -> int:
    return _renumber(draft, draft.section(SectionType.FULL, "vmmouse"))


def _renumber(draft: Draft, section: Section) -> int:
    """Give a section, and its footer, the number of RAM."""
    number = draft.section(SectionType.START).section_id
    assert number is not None
    draft.set(f"{section.path}/footer", "section_id", number)
    return draft.set(f"{section.path}/header", "section_id", number)


@case("MR053", "dirty-bitmaps")
def no_end_of_bitmaps(draft: Draft) -> int:
    section = draft.section(SectionType.END, "dirty-bitmap")
    draft.remove(section.offset, section.length)
    return draft.section(SectionType.START, "dirty-bitmap").offset


@case("MR053", "pseries")
def no_end_of_the_hash_table(draft: Draft) -> int:
    section = draft.section(SectionType.END, "spapr/htab")
    draft.remove(section.offset, section.length)
    return draft.section(SectionType.START, "spapr/htab").offset


@case("MR054", "pc")
def part_behind_end(draft: Draft) -> int:
    part, end = draft.section(SectionType.PART), draft.section(SectionType.END)
    return draft.insert(end.end, draft.read(part.offset, part.length))


@case("MR060", "pc")
def machine_type_that_was_removed(draft: Draft) -> int:
    return draft.set("/configuration/header", "name", b"pc-i440fx-2.12")


@case("MR043", "none")
def one_more_byte(draft: Draft) -> int:
    return draft.write(draft.size, b"x")


# MR1: the list of blocks.


@case("MR101", "numa2")
def same_name(draft: Draft) -> int:
    return draft.set_in("node1", "idstr", b"node0")


@case("MR102", "pc")
def total_too_large(draft: Draft) -> int:
    path = f"{draft.section(SectionType.START).path}/mem_size"
    return draft.set(path, "total_and_flags", draft.value(path, "total_and_flags") + 0x1000)


@case("MR103", "pc")
def mem_size_in_part(draft: Draft) -> int:
    part = draft.section(SectionType.PART)
    return draft.insert(part.payload_offset, (4).to_bytes(8, "big"))


@case("MR104", "pc")
def quarter_of_a_page(draft: Draft) -> int:
    block = draft.block(RSDP)
    draft.insert(block.next_offset, bytes(0x400))
    path = f"{draft.section(SectionType.START).path}/mem_size"
    draft.set(path, "total_and_flags", draft.value(path, "total_and_flags") + 0x400)
    return draft.set_in(RSDP, "used_length", block.used_length + 0x400)


@case("MR105", "pc")
def eos_with_continue(draft: Draft) -> int:
    return draft.set(f"{draft.section(SectionType.PART).path}/eos", "flags", 0x30)


@case("MR106", "riscv64-virt")
def no_longer_resizable(draft: Draft) -> int:
    draft.set_in(LOADER, "idstr", LOADER.replace("rom", "mem").encode())
    return draft.field(draft.block("riscv_virt_board.mrom").path, "used_length")[0]


@case("MR107", "none")
def no_list_of_blocks(draft: Draft) -> int:
    start = draft.section(SectionType.START)
    return draft.remove(start.payload_offset, draft.block("ram").next_offset - start.payload_offset)


@case("MR108", "none")
def empty_last_block(draft: Draft) -> int:
    offset = draft.block("ram").next_offset
    pages_offset = offset + MIB
    words = [(0, 8), (1, 4), (4096, 8), (offset + 38, 8), (pages_offset, 8)]
    header = b"\x01z" + b"".join(value.to_bytes(length, "big") for value, length in words)
    return draft.insert(offset, header.ljust(MIB, b"\0")) + 2


@case("MR109", "pc")
def block_of_the_folder_above(draft: Draft) -> int:
    return draft.set_in("pc.rom", "idstr", b"../rom")


# MR2: the mapped-ram header. `pc.rom` has no set bits, so that a wrong bitmap changes nothing; the
# block RSDP is the last one, so that its pages can be moved.


@case("MR201", "pc")
def pages_off_by_512(draft: Draft) -> int:
    return _move_pages(draft, 0x200)


@case("MR202", "pc")
def pages_off_by_a_page(draft: Draft) -> int:
    return _move_pages(draft, 0x1000)


@case("MR203", "pc")
def pages_off_by_1mib(draft: Draft) -> int:
    return _move_pages(draft, MIB)


@case("MR211", "none")
def all_pages_at_2mib(draft: Draft) -> int:
    return _move_pages(draft, MIB, "ram")


def _move_pages(draft: Draft, distance: int, idstr: str = RSDP) -> int:
    pages_offset = draft.block(idstr).pages_offset
    assert pages_offset is not None
    draft.insert(pages_offset, bytes(distance))
    return draft.set_in(idstr, "mapped_ram/pages_offset", pages_offset + distance)


@case("MR204", "pc")
def page_size_zero(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 0)


@case("MR204", "pc")
def page_size_one(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 1)


@case("MR205", "pc")
def page_size_halved(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/page_size", 2048)


@case("MR205", "aarch64-virt")
def target_page_bits_13(draft: Draft) -> int:
    return draft.set("/configuration/subsections[0]", "body/target_page_bits", 13)


@case("MR205", "none", "MR302", "MR303")  # with half the page size, the bitmap means other pages
def description_of_another_target(draft: Draft) -> int:
    """Of two that differ, the description is believed: it says so once for the whole machine."""
    return draft.set("/ram/blocks[0]", "mapped_ram/page_size", 2048)


@case("MR206", "pc")
def header_version_0(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/version", 0)


@case("MR207", "pc")
def bitmap_eight_bytes_on(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", draft.block("pc.rom").header_end + 8)


@case("MR208", "pc")
def bitmap_offset_zero(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 0)


@case("MR209", "ignore-shared")
def shared_block(draft: Draft) -> int:
    return _take_data_away(draft)


@case("MR210", "pc", "MR061", "MR209")  # no release loads it; a block without data is worth a note
def shared_block_unannounced(draft: Draft) -> int:
    return _take_data_away(draft)


def _take_data_away(draft: Draft) -> int:
    block = draft.block(RSDP)
    draft.remove(block.header_end, block.next_offset - block.header_end)
    draft.write(block.header_end - 16, bytes(16))
    return block.header_end - 16


# MR3: bitmaps and pages.


@case("MR301", "pc")
def bit_of_a_page_too_many(draft: Draft) -> int:
    bitmap_offset = draft.block(RSDP).bitmap_offset
    assert bitmap_offset is not None
    return draft.write(bitmap_offset, b"\x03")


@case("MR302", "pc")
def bit_over_a_hole(draft: Draft) -> int:
    block = draft.block("pc.ram")
    assert block.bitmap_offset is not None
    assert block.pages_offset is not None
    draft.write(block.bitmap_offset + 1000 // 8, b"\x01")
    return block.pages_offset + 1000 * 4096


@case("MR303", "live")
def zeroed_pages(draft: Draft) -> int:
    pages_offset = draft.block("pc.ram").pages_offset
    assert pages_offset is not None
    return pages_offset + 32 * 4096


@case("MR304", "none")
def empty_bitmap(draft: Draft) -> int:
    block = draft.block("ram")
    assert block.bitmap_offset is not None
    return draft.write(block.bitmap_offset, bytes(block.bitmap_size))


@case("MR304", "killed", "MR002")  # it has no end either
def killed(draft: Draft) -> int:
    return draft.block("pc.ram").header_end


@case("MR305", "pc")
def big_endian_words(draft: Draft) -> int:
    with draft.snapshot() as snapshot:
        blocks = [block.model for block in snapshot.blocks]
    for block in blocks:
        assert block.bitmap_offset is not None
        words = draft.read(block.bitmap_offset, block.bitmap_size)
        swapped = [words[at : at + 8][::-1] for at in range(0, len(words), 8)]
        draft.write(block.bitmap_offset, b"".join(swapped))
    return blocks[0].header_end


# MR4: regions.


@case("MR401", "pc", "MR207")  # a bitmap that overlaps is not at its usual place
def bitmap_in_the_pages(draft: Draft) -> int:
    draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 8 * MIB)
    return 8 * MIB


@case("MR402", "pc", "MR207")  # nor is one outside of the file
def bitmap_behind_the_end(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", draft.size)


@case("MR403", "pc")
def byte_in_the_padding(draft: Draft) -> int:
    pages_offset = draft.block(TABLES).pages_offset
    assert pages_offset is not None
    return draft.write(pages_offset - 1, b"x")


@case("MR404", "offset-unaligned", "MR207")  # nor is one before the stream
def bitmap_in_the_container(draft: Draft) -> int:
    return draft.set_in("pc.rom", "mapped_ram/bitmap_offset", 64)
