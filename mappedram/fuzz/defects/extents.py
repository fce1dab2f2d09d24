"""MR4: misplaced bitmaps and padding."""

from dataclasses import replace
from random import Random

from mappedram.fuzz.defects.registry import breaks
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

#: No bit of it is set, so no other rule depends on the place of its bitmap.
_BLANK = RamSpec("rom", 1)


def _bitmap_at(spec: SnapshotSpec, offset: int | None) -> SparseFile:
    """Move the bitmap of a block without pages; None for the end of the file."""
    draft = Draft.of(replace(spec, blocks=(*spec.blocks, _BLANK)))
    place = draft.file.size if offset is None else offset
    draft.set(draft.blocks[-1].path, "mapped_ram/bitmap_offset", place)
    return draft.file


@breaks("MR401")
def bitmap_in_the_pages_of_another(spec: SnapshotSpec, rng: Random) -> SparseFile:
    first = replace(spec.blocks[0], num_pages=max(2, spec.blocks[0].num_pages))
    spec = replace(spec, blocks=(first,))
    pages_offset = Draft.of(spec).blocks[0].pages_offset
    assert pages_offset is not None
    return _bitmap_at(spec, pages_offset + 8 * rng.randrange(spec.page_size // 8))


@breaks("MR402")
def bitmap_behind_the_end(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _bitmap_at(spec, rng.choice((None, 1 << 40, (1 << 63) - 8)))


@breaks("MR403")
def byte_in_the_padding(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    block = rng.choice(draft.blocks)
    assert block.pages_offset is not None
    begin = block.header_end + block.bitmap_size
    draft.write(begin + rng.randrange(block.pages_offset - begin), b"\x01")
    return draft.file


@breaks("MR404")
def bitmap_before_the_stream(spec: SnapshotSpec, rng: Random) -> SparseFile:
    offset = 4096 * (1 + rng.randrange(4))
    return _bitmap_at(replace(spec, offset=offset), 8 + 8 * rng.randrange(64))
