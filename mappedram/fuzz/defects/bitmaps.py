"""MR3: bitmaps that do not agree with the pages."""

from dataclasses import replace
from random import Random

from mappedram.fuzz.defects.registry import breaks
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile


def _one_block(spec: SnapshotSpec, num_pages: int, *runs: tuple[int, int]) -> SnapshotSpec:
    return replace(spec, blocks=(RamSpec("pc.ram", num_pages, runs),))


@breaks("MR301")
def bit_of_a_page_too_many(spec: SnapshotSpec, rng: Random) -> SparseFile:
    num_pages = 1 + rng.randrange(7)  # makes the byte order visible in the other bytes
    draft = Draft.of(_one_block(spec, num_pages, (0, num_pages)))
    stored = (1 << num_pages) - 1
    _set_bitmap(draft, bytes([stored | 1 << (num_pages + rng.randrange(8 - num_pages))]))
    return draft.file


@breaks("MR302")
def bit_over_a_hole(spec: SnapshotSpec, rng: Random) -> SparseFile:
    count = 2 + rng.randrange(6)
    # Holes consist of whole host pages.
    whole = replace(_one_block(spec, count, (0, count)), page_size=4096)
    draft = Draft.of(replace(whole, align=max(4096, spec.align)))
    block = draft.blocks[0]
    assert block.pages_offset is not None
    page = 1 + rng.randrange(count - 1)
    draft.file = draft.file.punch(block.pages_offset + page * 4096, 4096)
    return draft.file


@breaks("MR303")
def stale_page(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(_one_block(spec, 8, (0, 8)))
    _set_bitmap(draft, bytes([0xFF ^ 1 << rng.randrange(8)]))
    return draft.file


@breaks("MR304")
def bitmaps_never_written(spec: SnapshotSpec, rng: Random) -> SparseFile:
    draft = Draft.of(spec)
    for block in draft.blocks:
        assert block.bitmap_offset is not None
        draft.write(block.bitmap_offset, bytes(block.bitmap_size))
    return draft.file


@breaks("MR305")
def bitmaps_of_a_big_endian_host(spec: SnapshotSpec, rng: Random) -> SparseFile:
    num_pages = 1 + rng.randrange(40)  # less than a word, or the order would not show
    return replace(_one_block(spec, num_pages, (0, num_pages)), byteorder="big").file()


def _set_bitmap(draft: Draft, data: bytes) -> None:
    """The first bytes of the bitmap of the first block."""
    offset = draft.blocks[0].bitmap_offset
    assert offset is not None
    draft.write(offset, data)
