"""MR2: wrong mapped-ram headers."""

from dataclasses import replace
from random import Random

from mappedram.format.constants import (
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
    SectionType,
)
from mappedram.fuzz.defects.registry import breaks
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

_BLANK = RamSpec("rom", 2)


def _with_blank(spec: SnapshotSpec) -> SnapshotSpec:
    """A snapshot with two blocks; the last one has no pages, so its bitmap means nothing.

    The blocks are aligned like those of QEMU, so a misaligned one stands out.
    """
    first = replace(spec.blocks[0], num_pages=max(spec.blocks[0].num_pages, 2))
    align = MAPPED_RAM_FILE_OFFSET_ALIGNMENT
    return replace(spec, blocks=(first, _BLANK), align=align)


def _in_blank(spec: SnapshotSpec, name: str, value: int) -> SparseFile:
    """Change a field of the mapped-ram header of a block without pages."""
    draft = Draft.of(_with_blank(spec))
    draft.set(draft.blocks[-1].path, f"mapped_ram/{name}", value)
    return draft.file


def _moved(spec: SnapshotSpec, distance: int) -> SparseFile:
    """Move the pages of the last of two blocks by that distance."""
    draft = Draft.of(_with_blank(spec))
    block = draft.blocks[-1]
    assert block.pages_offset is not None
    draft.insert_hole(block.pages_offset, distance)
    draft.set(block.path, "mapped_ram/pages_offset", block.pages_offset + distance)
    return draft.file


@breaks("MR201")
def pages_off_by_a_part_of_a_page(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _moved(spec, 1 + rng.randrange(spec.page_size - 1))


@breaks("MR202")
def pages_off_by_a_page(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _moved(spec, spec.page_size * (1 + rng.randrange(8)))


@breaks("MR203")
def pages_1mib_too_late(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _moved(spec, MAPPED_RAM_FILE_OFFSET_ALIGNMENT * (1 + rng.randrange(3)))


@breaks("MR204")
def page_size_zero(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _in_blank(spec, "page_size", 0)


@breaks("MR204")
def page_size_of_no_target(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _in_blank(spec, "page_size", rng.choice((1, 8, 128, 4095, 1 << 17, 1 << 63)))


@breaks("MR205")
def page_size_of_another_target(spec: SnapshotSpec, rng: Random) -> SparseFile:
    other = rng.choice([size for size in (1024, 2048) if size != spec.page_size])
    return _in_blank(spec, "page_size", other)


@breaks("MR205")
def description_of_another_target(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(_with_blank(spec))
    text = draft.section(SectionType.VMDESCRIPTION)
    said = draft.file.read(text.payload_offset, text.payload_length)
    other = said.replace(b"%d" % spec.page_size, b"%d" % (9216 - spec.page_size * 2), 1)
    draft.write(text.payload_offset, other)
    return draft.file


@breaks("MR206")
def header_version_0(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.set(rng.choice(draft.blocks).path, "mapped_ram/version", 0)
    return draft.file


@breaks("MR207")
def bitmap_later_in_the_padding(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(_with_blank(spec))
    block = draft.blocks[-1]
    later = block.header_end + 8 * (1 + rng.randrange(8))
    draft.set(block.path, "mapped_ram/bitmap_offset", later)
    return draft.file


@breaks("MR208")
def bitmap_offset_zero(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _in_blank(spec, "bitmap_offset", 0)


@breaks("MR209")
def shared_block(spec: SnapshotSpec, rng: Random) -> SparseFile:
    capabilities = (CAPABILITY_X_IGNORE_SHARED, *spec.capabilities)
    blocks = (*spec.blocks, RamSpec("shared", 1, ignored=True))
    return replace(spec, capabilities=capabilities, blocks=blocks).file()


@breaks("MR210")
def shared_block_unannounced(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return replace(spec, blocks=(*spec.blocks, RamSpec("shared", 1, ignored=True))).file()


@breaks("MR211")
def other_alignment(spec: SnapshotSpec, rng: Random) -> SparseFile:
    others = [align for align in (4096, 1 << 16, 1 << 21) if align >= spec.page_size]
    return replace(spec, align=rng.choice(others)).file()
