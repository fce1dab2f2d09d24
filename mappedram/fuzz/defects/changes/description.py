"""MR0: JSON texts that do not describe the devices."""

import json

from mappedram.format.constants import SectionType
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR042")
def description_is_not_json(draft: ChangeableFile) -> int:
    return draft.write(draft.section(SectionType.VMDESCRIPTION).payload_offset, b"x")


@changes("MR042")
def description_is_cut(draft: ChangeableFile) -> int:
    draft.resize(draft.size - 1)
    return draft.section(SectionType.VMDESCRIPTION).offset + 1


@changes("MR042")
def description_without_devices(draft: ChangeableFile) -> int:
    section = draft.section(SectionType.VMDESCRIPTION)
    text = draft.read(section.payload_offset, section.payload_length)
    return draft.write(section.payload_offset, text.replace(b'"devices"', b'"DEVICES"'))


@changes("MR042")
def description_on_two_lines(draft: ChangeableFile) -> int:
    return describe(draft, b'", "', b'",\n"')


@changes("MR044")
def description_of_another_device(draft: ChangeableFile) -> int:
    return describe(draft, b'"globalstate"', b'"globalstatf"')


@changes("MR044")
def description_of_one_device_less(draft: ChangeableFile) -> int:
    """The last device is described as a subsection, which is as long."""
    section = draft.description()
    devices = json.loads(draft.read_payload(section))["devices"]
    text = json.dumps({"page_size": 4096, "devices": devices[:-1]}).encode()
    return _describe_as(draft, text)


@changes("MR045")
def description_of_another_version(draft: ChangeableFile) -> int:
    return describe(draft, b'"version": 2', b'"version": 3')


@changes("MR046")
def description_of_another_length(draft: ChangeableFile) -> int:
    describe(draft, b'"size": 8', b'"size": 9')
    return draft.section(SectionType.FULL, "timer").payload_offset


@changes("MR047")
def description_of_another_subsection(draft: ChangeableFile) -> int:
    return describe(draft, b'"configuration/uuid"', b'"configuration/uuie"')


def describe(draft: ChangeableFile, old: bytes, new: bytes) -> int:
    """Put other words into the JSON text, where they are first; returns its offset."""
    text = draft.read_payload(draft.description())
    assert old in text
    return _describe_as(draft, text.replace(old, new, 1))


def _describe_as(draft: ChangeableFile, text: bytes) -> int:
    section = draft.description()
    draft.resize(section.payload_offset)
    draft.write(section.payload_offset - 4, len(text).to_bytes(4, "big") + text)
    return section.payload_offset
