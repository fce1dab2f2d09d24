"""Numbers of pages of RAM blocks, for a table: present, unknown, all; None where not known."""

from collections.abc import Sequence

from mappedram.errors import MappedRamError
from mappedram.format.arithmetic import is_page_size
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage

#: Bitmaps that are read at most, all together; stands for 32 TiB in pages of 4 KiB. A file full of
#: holes can claim far more without taking any space.
_BITMAPS_MAX = 1 << 30


def pages_present(blocks: Sequence[Block]) -> list[int | None]:
    """Number of pages of each block in the file; None where no bitmap can be read."""
    present = []
    budget = _BITMAPS_MAX
    for block in blocks:
        # With other sizes the bitmap would be larger than any there is.
        size = page_size(block) or 0
        readable = is_page_size(size) and block.model.bitmap_size <= budget
        count = _count(block) if readable else None
        budget -= block.model.bitmap_size if count is not None else 0
        present.append(count)
    return present


def coverage_of(block: Block, present: int | None) -> Coverage | None:
    """What the file does not tell of a block; None where its bitmap is not read for its size."""
    return (
        block.coverage if present is not None or block.bitmap_is_cut or not block.readable else None
    )


def unknown_pages(block: Block, present: int | None) -> int | None:
    """How many pages are unknown; None where that is not known either."""
    coverage, size = coverage_of(block, present), page_size(block)
    return None if coverage is None or not size else -(-coverage.unknown_size // size)


def page_size(block: Block) -> int | None:
    """Size of a page, by the header of the block or by the records of its pages."""
    return block.recorded.page_size if block.recorded else block.model.page_size


def num_pages(block: Block) -> int:
    """Number of pages; 0 where the size of a page is not known."""
    size = page_size(block)
    return block.used_length // size if size else 0


def _count(block: Block) -> int | None:
    try:
        return block.bitmap.count()
    except MappedRamError:
        return None
