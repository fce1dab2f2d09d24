"""MR1: wrong lists of RAM blocks."""

from dataclasses import replace
from random import Random

from mappedram.format.constants import (
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    SectionType,
)
from mappedram.fuzz.defects.changes import blocks as changes
from mappedram.fuzz.defects.registry import breaks, with_change
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

#: Names that escape a folder, or control a terminal.
_UNSAFE = ("../../etc/passwd", "..", "a/../b", "\x1b[2Jpc.ram", "pc\0ram")


def _mem_size(draft: Draft) -> str:
    """Path of the record MEM_SIZE."""
    return f"{draft.section(SectionType.START).path}/mem_size"


@breaks("MR101")
def two_blocks_of_one_name(spec: SnapshotSpec, rng: Random) -> SparseFile:
    first = spec.blocks[0]
    twin = replace(first, idstr=first.idstr.swapcase())
    draft = Draft.of(replace(spec, blocks=(first, twin)))
    draft.set(draft.blocks[1].path, "idstr", first.idstr.encode("latin-1"))
    return draft.file


@breaks("MR102")
def total_not_the_sum(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    draft.add(_mem_size(draft), "total_and_flags", spec.page_size * rng.choice((1, -1, 1 << 30)))
    return draft.file


@breaks("MR103")
def list_of_blocks_repeated(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.mem_size_in_part)


@breaks("MR104")
def length_no_multiple_of_a_page(spec: SnapshotSpec, rng: Random) -> SparseFile:
    # The low ten bits of the total are flags, so it can only be wrong by whole KiB.
    more = 1024 * (1 + rng.randrange(3))
    align = max(4096, spec.align)
    draft = Draft.of(replace(spec, page_size=4096, align=align, blocks=spec.blocks[:1]))
    block = draft.blocks[0]
    draft.insert_hole(block.next_offset, more)
    draft.add(_mem_size(draft), "total_and_flags", more)
    draft.add(block.path, "used_length", more)
    return draft.file


@breaks("MR105")
def eos_with_more_bits(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    more = rng.choice((RAM_SAVE_FLAG_CONTINUE, max(spec.page_size, 0x400), 1 << 63))
    path = f"{draft.section(SectionType.PART).path}/eos"
    draft.set(path, "flags", RAM_SAVE_FLAG_EOS | more)
    return draft.file


@breaks("MR106")
def longer_block_later(spec: SnapshotSpec, rng: Random) -> SparseFile:
    first = spec.blocks[0]
    longer = RamSpec("vga.vram", first.num_pages + 1 + rng.randrange(8))
    return replace(spec, blocks=(first, longer)).file()


@breaks("MR107")
def no_list_of_blocks(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return with_change(spec, changes.no_list_of_blocks)


@breaks("MR108")
def last_block_empty(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(replace(spec, blocks=(*spec.blocks, RamSpec("empty", 1))))
    block = draft.blocks[-1]
    assert block.pages_offset is not None
    draft.remove(block.pages_offset, spec.page_size)
    draft.set(block.path, "used_length", 0)
    draft.add(_mem_size(draft), "total_and_flags", -spec.page_size)
    return draft.file


@breaks("MR109")
def block_of_the_folder_above(spec: SnapshotSpec, rng: Random) -> SparseFile:
    first = replace(spec.blocks[0], idstr=rng.choice(_UNSAFE))
    return replace(spec, blocks=(first, *spec.blocks[1:])).file()
