"""MR0: configurations that cannot be right."""

from mappedram.format.constants import CAPABILITY_X_IGNORE_SHARED
from mappedram.format.ram import mapped_ram_header_size
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR008")
def third_capability(draft: ChangeableFile) -> int:
    return _announce(draft, b"xbzrle")


@changes("MR009")
def subsection_version_2(draft: ChangeableFile) -> int:
    return draft.set("/configuration/subsections[0]", "version_id", 2)


@changes("MR010")
def uuid_before_capabilities(draft: ChangeableFile) -> int:
    capabilities, uuid = (
        draft.element(f"/configuration/subsections[{index}]") for index in range(2)
    )
    name, _ = draft.field(capabilities.path, "idstr")
    parts = [draft.read(part.offset, part.length) for part in (uuid, capabilities)]
    draft.write(capabilities.offset, b"".join(parts))
    return name + uuid.length


@changes("MR013")
def mapped_ram_first(draft: ChangeableFile) -> int:
    count, length = draft.field("/configuration/subsections[0]", "body/caps_count")
    draft.write(count + length, b"\x0amapped-ram\x0fx-ignore-shared")
    return count + length + 11 + 1


@changes("MR014", "MR001")  # the header, read eight bytes on, has an impossible version
def blocks_without_addr(draft: ChangeableFile) -> int:
    header_end = draft.block("ram").header_end
    _announce(draft, CAPABILITY_X_IGNORE_SHARED.encode())
    return header_end + 1 + len(CAPABILITY_X_IGNORE_SHARED) - mapped_ram_header_size({})


@changes("MR015")
def no_machine(draft: ChangeableFile) -> int:
    block = draft.block("ram")
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end - len("none"))
    length = draft.set("/configuration/header", "len_name", 0)
    rest = draft.read(length + 8, block.header_end + block.bitmap_size - (length + 8))
    draft.write(length + 4, rest + bytes(len("none")))
    return length


@changes("MR016")
def machine_with_nul(draft: ChangeableFile) -> int:
    return draft.set("/configuration/header", "name", b"no\0e")


@changes("MR016", "MR061")  # no release loads it
def machine_with_escape(draft: ChangeableFile) -> int:
    return draft.set("/configuration/header", "name", b"no\x1be")


@changes("MR008", "MR061")  # no release loads it
def capability_of_no_release(draft: ChangeableFile) -> int:
    return _announce(draft, b"fixed-ram")


@changes("MR060")
def machine_type_that_was_removed(draft: ChangeableFile) -> int:
    return draft.set("/configuration/header", "name", b"pc-i440fx-2.12")


def _announce(draft: ChangeableFile, name: bytes) -> int:
    """Announce a capability before mapped-ram, in a file of the same length; return its place."""
    block, entry = draft.block("ram"), bytes([len(name)]) + name
    draft.set_in("ram", "mapped_ram/bitmap_offset", block.header_end + len(entry))
    count = draft.set("/configuration/subsections[0]", "body/caps_count", 2)
    return draft.insert(count + 4, entry, until=block.pages_offset) + 1
