"""MR0: streams that cannot be followed, lack a part, or announce something wrong."""

import zlib
from dataclasses import replace
from random import Random
from typing import Any

from mappedram.format.complete import complete
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    SectionType,
)
from mappedram.format.ram import PageRecord
from mappedram.format.structures import KINDS
from mappedram.format.typed import Fields
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.defects.changes import configuration
from mappedram.fuzz.defects.changes import envelope as changes
from mappedram.fuzz.defects.registry import breaks, with_change
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import DeviceSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

#: Type bytes that no section has.
_NO_SECTION = (0x09, 0x42, 0x7D, 0xFF)
#: Machine types of QEMU 9.0 that 11.1 no longer has.
_REMOVED = ("pc-i440fx-2.3", "virt-4.2", "pseries-2.12-sxxm", "akita")
_UUID = bytes(range(16))
_DEVICE = DeviceSpec("ps2kbd", section_id=9, state=bytes(24))
_BOTH = (CAPABILITY_X_IGNORE_SHARED, CAPABILITY_MAPPED_RAM)


@breaks("MR001")
def header_version_above_1(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    block = rng.choice(draft.blocks)
    draft.set(block.path, "mapped_ram/version", 2 + rng.randrange(1 << 31))
    return draft.file


@breaks("MR001")
def section_type_unknown(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.write(draft.section(SectionType.PART).offset, bytes([rng.choice(_NO_SECTION)]))
    return draft.file


@breaks("MR002")
def cut_off(spec: SnapshotSpec, rng: Random) -> SparseFile:
    """Truncate behind the stream header, but not in the JSON text, which is not needed to load."""
    draft = Draft.of(spec)
    first, last = draft.element("/header").end, draft.section(SectionType.EOF).offset
    size = first + rng.randrange(last - first)
    draft.resize(draft.behind_bitmap(size))
    return draft.file


@breaks("MR003")
def end_of_ram_made_part(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.end_made_part)


@breaks("MR004")
def no_stream(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.write(0, rng.choice((b"\x7fELF", b"QFI\xfb", b"QEVX")))
    return draft.file


@breaks("MR004")
def stream_version_unknown(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.set("/header", "version", rng.choice((0, 2, 4)))
    return draft.file


@breaks("MR006")
def no_sections_of_ram(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(replace(spec, switchover=False), changes.no_ram_sections)


@breaks("MR007")
def no_configuration(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, configuration=False).file()


@breaks("MR008")
def capability_unknown(spec: SnapshotSpec, rng: Random) -> SparseFile:
    # Capabilities that QEMU knows, so that it loads the file.
    name = rng.choice(("xbzrle", "events", "multifd", "return-path"))
    return replace(spec, capabilities=(*spec.capabilities, name)).file()


@breaks("MR009")
def subsection_version_not_1(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.set("/configuration/subsections[0]", "version_id", rng.choice((0, 2, 0xFFFFFFFF)))
    return draft.file


@breaks("MR010")
def subsections_swapped(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(replace(spec, uuid=_UUID), configuration.uuid_before_capabilities)


@breaks("MR013")
def capabilities_swapped(spec: SnapshotSpec, rng: Random) -> SparseFile:
    swapped = (CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED)
    return replace(spec, capabilities=swapped).file()


@breaks("MR014")
def capability_without_its_field(spec: SnapshotSpec, rng: Random) -> SparseFile:
    shared, name = replace(spec, capabilities=_BOTH), CAPABILITY_X_IGNORE_SHARED
    # Both are listed, but the blocks have no addr; the list keeps its length.
    draft = Draft.of(replace(shared, capabilities=("y" + name[1:], CAPABILITY_MAPPED_RAM)))
    draft.set("/configuration/subsections[0]", "body/capabilities[0]/name", name.encode())
    return draft.file


@breaks("MR015")
def no_machine(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, machine="").file()


@breaks("MR016")
def machine_unprintable(spec: SnapshotSpec, rng: Random) -> SparseFile:
    # Bytes behind a NUL do not keep QEMU from loading the file.
    behind = rng.choice(("", "\x1b[31m", "\n", "\xe7", "\0"))
    return replace(spec, machine=f"pc\0{behind}").file()


@breaks("MR060")
def machine_removed(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, machine=rng.choice(_REMOVED)).file()


@breaks("MR012")
def without_mapped_ram(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return spec.shortened().stream()


@breaks("MR017")
def compressed_page(spec: SnapshotSpec, rng: Random) -> SparseFile:
    # No release knows both the record and the command.
    draft = Draft(replace(spec.shortened(), switchover=False).stream())
    block = rng.choice([block for block in draft.blocks if block.used_length])
    number = rng.randrange(block.used_length // spec.page_size)
    packed = zlib.compress(rng.randbytes(16) * (spec.page_size // 16), rng.randrange(10))
    record: Fields = {
        "addr_and_flags": number * spec.page_size | RAM_SAVE_FLAG_COMPRESS_PAGE,
        "idstr": block.idstr,
        "compressed": packed,
    }
    last = [e for e in draft.stream.elements if e.kind == "end_of_section"][-1]
    draft.insert(
        last.offset,
        DRIVER.build(
            KINDS["page_record"], complete(PageRecord, record), {"len_page": spec.page_size}
        ),
    )
    return draft.file


@breaks("MR018")
def end_of_ram_made_part_of_a_stream(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft(spec.shortened().stream())
    changes.end_made_part(draft)
    return draft.file


@breaks("MR019")
def devices_alone(spec: SnapshotSpec, rng: Random) -> SparseFile:
    bare = replace(spec, configuration=False, description=False, devices=(*spec.devices, _DEVICE))
    return with_change(replace(bare, switchover=False), changes.no_ram_sections)


@breaks("MR020")
def neither_footers_nor_description(spec: SnapshotSpec, rng: Random) -> SparseFile:
    bare = replace(spec, footers=False, description=False, early=())
    return replace(bare, devices=(*spec.devices, _DEVICE)).file()


@breaks("MR041")
def no_description(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, description=False).file()


@breaks("MR042")
def description_is_not_json(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    text = draft.section(SectionType.VMDESCRIPTION).payload_offset
    draft.write(text, rng.choice((b"x", b"[", b"\0")))
    return draft.file


@breaks("MR042")
def description_is_cut(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.resize(draft.file.size - 1 - rng.randrange(8))
    return draft.file


@breaks("MR044")
def description_lacks_the_last_device(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, devices=(*spec.devices, _DEVICE), described=spec.devices).file()


@breaks("MR044")
def description_of_another_device(spec: SnapshotSpec, rng: Random) -> SparseFile:
    change = rng.choice(({"idstr": "slirp"}, {"instance_id": 7}))
    return _described(spec, **change)


@breaks("MR045")
def description_of_another_version(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _described(spec, version_id=2 + rng.randrange(8))


@breaks("MR046")
def description_of_another_length(spec: SnapshotSpec, rng: Random) -> SparseFile:
    others = [size for size in range(32) if size != len(_DEVICE.state)]
    return _described(spec, state=bytes(rng.choice(others)))


def _described(spec: SnapshotSpec, **changes: Any) -> SparseFile:
    """One device with a wrong description in the JSON text."""
    return replace(spec, devices=(_DEVICE,), described=(replace(_DEVICE, **changes),)).file()


@breaks("MR047")
def description_of_another_configuration(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    text = draft.section(SectionType.VMDESCRIPTION)
    said = draft.file.read(text.payload_offset, text.payload_length)
    other = rng.choice((b"configuration/uuid        ", b"configuration/CAPABILITIES"))
    draft.write(text.payload_offset, said.replace(b"configuration/capabilities", other, 1))
    return draft.file


@breaks("MR043")
def bytes_at_the_end(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.write(draft.file.size, rng.choice((b"\0", b"x", bytes(512))))
    return draft.file
