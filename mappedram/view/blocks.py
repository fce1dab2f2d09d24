"""Page counts of RAM blocks for a table: present, unknown, all; None if unknown."""

from collections.abc import Sequence

from mappedram.errors import MappedRamError
from mappedram.format.arithmetic import is_page_size
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage

#: Most bytes of bitmaps to read in one file; they cover 32 TiB of pages of 4 KiB. A sparse file can
#: claim far more without taking any space.
_BITMAPS_MAX = 1 << 30


def pages_present(blocks: Sequence[Block]) -> list[int | None]:
    """Number of pages of each block in the file; None if its bitmap cannot be read."""
    present = []
    for block in blocks:
        block.prefetch_bitmap()
    budget = _BITMAPS_MAX
    for block in blocks:
        # With other sizes the bitmap would be larger than any.
        size = page_size(block) or 0
        readable = is_page_size(size) and block.model.bitmap_size <= budget
        count = _count(block) if readable else None
        budget -= block.model.bitmap_size if count is not None else 0
        present.append(count)
    return present


def coverage_of(block: Block, present: int | None) -> Coverage | None:
    """Known and unknown pages of a block; None if its bitmap is too large to read."""
    return (
        block.coverage if present is not None or block.bitmap_is_cut or not block.readable else None
    )


def unknown_pages(block: Block, present: int | None) -> int | None:
    """Number of unknown pages; None if that is unknown."""
    coverage, size = coverage_of(block, present), page_size(block)
    return None if coverage is None or not size else -(-coverage.unknown_size // size)


def page_size(block: Block) -> int | None:
    """Page size by the header of the block or by its page records."""
    return block.recorded.page_size if block.recorded else block.model.page_size


def num_pages(block: Block) -> int:
    """Number of pages; 0 if the page size is unknown."""
    size = page_size(block)
    return block.used_length // size if size else 0


def _count(block: Block) -> int | None:
    try:
        return block.bitmap.count()
    except MappedRamError:
        return None
