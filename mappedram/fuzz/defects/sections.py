"""MR0: wrong sections, footers and commands."""

from dataclasses import replace
from random import Random

from mappedram.format import file
from mappedram.format.constants import (
    DIRTY_BITMAP_BITMAP_NAME,
    DIRTY_BITMAP_DEVICE_NAME,
    DIRTY_BITMAP_EOS,
    DIRTY_BITMAP_START,
    CommandType,
    SectionType,
)
from mappedram.format.typed import Fields
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.defects.changes import sections as changes
from mappedram.fuzz.defects.changes.sections import NO_SECTION_ID
from mappedram.fuzz.defects.registry import breaks, with_change
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import DeviceSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.stream.writer.build import build

_DEVICE = DeviceSpec("ps2kbd", section_id=9, state=bytes(24))
#: Commands without data that a loader knows, but that need a connection.
_REFUSED_IN_FILES = (CommandType.POSTCOPY_RUN, CommandType.RECV_BITMAP)
_RAM_ID = 1
#: The payload of a dirty-bitmap that announces the bits of one bitmap: as records, and as bytes.
_CHUNKS: tuple[Fields, ...] = (
    {
        "chunk_flags": (DIRTY_BITMAP_DEVICE_NAME | DIRTY_BITMAP_BITMAP_NAME | DIRTY_BITMAP_START),
        "node_name": "disk0",
        "bitmap_name": "bitmap0",
        "granularity": 1 << 16,
        "bitmap_flags": 0,
    },
    {"chunk_flags": DIRTY_BITMAP_EOS},
)
_ONE_BITMAP = b"".join(build(DRIVER, file.DirtyBitmapChunk, chunk) for chunk in _CHUNKS)


@breaks("MR021")
def device_without_a_name(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, devices=(replace(_DEVICE, idstr=""),)).file()


@breaks("MR022")
def part_of_nobody(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.part_of_nobody)


@breaks("MR023")
def end_of_ram_twice(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.end_twice)


@breaks("MR023")
def device_twice(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, devices=(_DEVICE,) * (2 + rng.randrange(2))).file()


@breaks("MR024")
def footer_of_another_section(spec: SnapshotSpec, rng: Random) -> SparseFile:
    kind = rng.choice((SectionType.PART, SectionType.START, SectionType.END))
    return with_change(spec, lambda draft: changes.footer_of_another(draft, kind))


@breaks("MR025")
def footer_left_out(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.no_footer)


@breaks("MR026")
def ram_version_not_4(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _in_start(spec, "version_id", rng.choice((0, 3, 5, 0xFFFFFFFF)))


@breaks("MR027")
def ram_instance_not_0(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _in_start(spec, "instance_id", rng.choice((1, 0x80000000, 0xFFFFFFFF)))


def _in_start(spec: SnapshotSpec, name: str, value: int) -> SparseFile:
    return with_change(spec, lambda draft: changes.set_in_start(draft, name, value))


@breaks("MR031")
def command_unknown(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _commanded(spec, rng.choice((0, 12, 99, 0xFFFF)))


@breaks("MR032")
def command_with_too_much_data(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    place = draft.place(f"{draft.section(SectionType.COMMAND).path}/header", "len_data")
    data = bytes(1 + rng.randrange(16))
    draft.write(place.start, len(data).to_bytes(2, "big"))
    draft.insert(place.end, data)
    return draft.file


@breaks("MR033")
def command_of_a_connection(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _commanded(spec, CommandType.OPEN_RETURN_PATH)


@breaks("MR061")
def command_that_ends_the_load(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _commanded(spec, rng.choice(_REFUSED_IN_FILES))


def _commanded(spec: SnapshotSpec, command: int) -> SparseFile:
    return with_change(spec, lambda draft: changes.set_command(draft, command))


@breaks("MR028")
def device_of_the_folder_above(spec: SnapshotSpec, rng: Random) -> SparseFile:
    name = rng.choice(("../timer", "a/../../timer", "\x1b]0;timer\x07"))
    return replace(spec, devices=(replace(_DEVICE, idstr=name),)).file()


@breaks("MR034")
def switchover_before_the_last_part(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.switchover_before_part)


@breaks("MR034")
def switchover_twice(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.switchover_twice)


@breaks("MR051")
def early_device_with_the_number_of_ram(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, early=(replace(_DEVICE, section_id=_RAM_ID),)).file()


@breaks("MR052")
def device_with_the_number_of_ram(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, devices=(replace(_DEVICE, section_id=_RAM_ID),)).file()


@breaks("MR053")
def live_device_without_an_end(spec: SnapshotSpec, rng: Random) -> SparseFile:
    """A dirty-bitmap with a bitmap, but without END."""
    draft = Draft.of(spec)
    device = DeviceSpec("dirty-bitmap", NO_SECTION_ID, state=_ONE_BITMAP)
    section = device.section(footer=True, kind=SectionType.START)
    draft.insert(draft.section(SectionType.PART).offset, build(DRIVER, file.Section, section))
    return draft.file


@breaks("MR054")
def part_behind_end(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.part_behind_end)
