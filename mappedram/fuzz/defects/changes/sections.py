"""MR0: sections, footers and commands that cannot be right."""

from mappedram.format.constants import CommandType, SectionType
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.description import describe
from mappedram.fuzz.defects.changes.registry import changes
from mappedram.stream.model import Section

#: A section_id that is in no file.
NO_SECTION_ID = 0x99


@changes("MR021")
def nameless_section(draft: ChangeableFile) -> int:
    section = draft.section(SectionType.FULL)
    describe(draft, f'"{section.idstr}"'.encode(), b'""')
    draft.remove(section.offset + 6, len(section.idstr or ""))
    return draft.write(section.offset + 5, b"\0")


@changes("MR022")
def part_of_nobody(draft: ChangeableFile) -> int:
    offset = draft.section(SectionType.COMMAND).offset
    return draft.insert(offset, bytes.fromhex("02 00000099 7e 00000099")) + 1


@changes("MR023")
def end_twice(draft: ChangeableFile) -> int:
    end = draft.section(SectionType.END)
    return draft.insert(end.end, draft.read(end.offset, end.length))


@changes("MR024")
def footer_of_another(draft: ChangeableFile, kind: SectionType = SectionType.PART) -> int:
    return draft.set(f"{draft.section(kind).path}/footer", "section_id", NO_SECTION_ID)


@changes("MR025")
def no_footer(draft: ChangeableFile) -> int:
    return draft.remove(draft.section(SectionType.PART).payload_end, 5)


@changes("MR026")
def ram_version_5(draft: ChangeableFile) -> int:
    return set_in_start(draft, "version_id", 5)


@changes("MR027")
def ram_instance_1(draft: ChangeableFile) -> int:
    return set_in_start(draft, "instance_id", 1)


def set_in_start(draft: ChangeableFile, name: str, value: int) -> int:
    """Give a field of the first START another value."""
    return draft.set(f"{draft.section(SectionType.START).path}/header", name, value)


@changes("MR028")
def device_of_the_folder_above(draft: ChangeableFile) -> int:
    section, text = draft.section(SectionType.FULL, "vmmouse"), draft.description()
    draft.write(text.payload_offset, draft.read_payload(text).replace(b'"vmmouse"', b'"../ouse"'))
    return draft.set(f"{section.path}/header", "idstr", b"../ouse")


@changes("MR031")
def command_99(draft: ChangeableFile) -> int:
    return set_command(draft, 99)


def set_command(draft: ChangeableFile, command: int) -> int:
    """Make the first command another one."""
    return draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", command)


@changes("MR032", "MR033")  # no command that belongs in a file has data
def switchover_with_data(draft: ChangeableFile) -> int:
    path = f"{draft.section(SectionType.COMMAND).path}/header"
    length = draft.set(path, "len_data", 2)
    draft.insert(length + 2, b"\0\0")
    return length


@changes("MR061", "MR033")  # which is a warning: others of its commands pass
def postcopy_run(draft: ChangeableFile) -> int:
    return set_command(draft, CommandType.POSTCOPY_RUN)


@changes("MR033")
def saved_with_x_colo(draft: ChangeableFile) -> int:
    """ENABLE_COLO, as a save with the capability writes it; a destination that has it loads it."""
    return set_command(draft, CommandType.ENABLE_COLO)


@changes("MR034")
def switchover_before_part(draft: ChangeableFile) -> int:
    part, command = draft.section(SectionType.PART), draft.section(SectionType.COMMAND)
    return _swap(draft, part, command)


@changes("MR034")
def switchover_twice(draft: ChangeableFile) -> int:
    command = draft.section(SectionType.COMMAND)
    return draft.insert(command.end, draft.read(command.offset, command.length))


@changes("MR034", "MR061")  # no release loads it
def advise_behind_ram(draft: ChangeableFile) -> int:
    """With the START of another device in between, nothing but the place changes."""
    command, start = draft.section(SectionType.COMMAND), draft.section(SectionType.PART)
    data = draft.read(command.offset, command.length)
    return draft.insert(start.offset, data)


def _swap(draft: ChangeableFile, first: Section, second: Section) -> int:
    """Exchange two sections that follow each other."""
    parts = [draft.read(part.offset, part.length) for part in (second, first)]
    return draft.write(first.offset, b"".join(parts))


@changes("MR051")
def device_with_the_number_of_ram(draft: ChangeableFile) -> int:
    return _renumber(draft, draft.section(SectionType.FULL))


@changes("MR052")
def device_with_the_number_that_ram_had(draft: ChangeableFile) -> int:
    return _renumber(draft, draft.section(SectionType.FULL, "vmmouse"))


def _renumber(draft: ChangeableFile, section: Section) -> int:
    """Give a section, and its footer, the number of RAM."""
    number = draft.section(SectionType.START).section_id
    assert number is not None
    draft.set(f"{section.path}/footer", "section_id", number)
    return draft.set(f"{section.path}/header", "section_id", number)


@changes("MR053")
def no_end_of_bitmaps(draft: ChangeableFile) -> int:
    section = draft.section(SectionType.END, "dirty-bitmap")
    draft.remove(section.offset, section.length)
    return draft.section(SectionType.START, "dirty-bitmap").offset


@changes("MR053")
def no_end_of_the_hash_table(draft: ChangeableFile) -> int:
    section = draft.section(SectionType.END, "spapr/htab")
    draft.remove(section.offset, section.length)
    return draft.section(SectionType.START, "spapr/htab").offset


@changes("MR054")
def part_behind_end(draft: ChangeableFile) -> int:
    part, end = draft.section(SectionType.PART), draft.section(SectionType.END)
    return draft.insert(end.end, draft.read(part.offset, part.length))
