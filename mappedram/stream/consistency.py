"""Check RAM block headers against each other and against the bytes after them. Arithmetic only.

A bitmap follows its header, and the next header or the end of the list follows the pages. If that
does not hold, a header has been changed, and its offsets may not point at pages of its block.
Source: QEMU migration/ram.c, mapped_ram_setup_ramblock().
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from itertools import accumulate

from mappedram.errors import TruncatedError
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.stream.model import RamBlock, Stream


def unsound(stream: Stream) -> frozenset[str]:
    """Paths of the blocks with wrong headers."""
    blocks = stream.blocks
    names = Counter(block.idstr for block in blocks)
    twice = {block.path for block in blocks if names[block.idstr] > 1}
    if not stream.mapped_ram:
        return frozenset({block.path for block in blocks} if _total_differs(stream) else twice)
    page_size = _page_size(stream)
    misplaced = {
        block.path
        for block in blocks
        if block.has_data
        and (block.page_size != page_size or block.bitmap_offset != block.header_end)
    }
    misplaced |= _implausible(stream)
    where = defaultdict(list)
    for element in stream.elements:
        where[element.offset].append(element.path)
    lost = {b.path for b in blocks if b.has_data and _is_lost(b, stream, where, misplaced)}
    return frozenset(twice | misplaced | lost)


def _implausible(stream: Stream) -> set[str]:
    """Blocks beyond the announced total; any bytes can be mistaken for the header of one."""
    ends = accumulate(block.used_length for block in stream.blocks)
    total = sum(stream.totals)
    return {block.path for block, end in zip(stream.blocks, ends, strict=True) if end > total}


def _total_differs(stream: Stream) -> bool:
    """Whether all blocks are listed and their total differs from the announced one."""
    listed = any(element.kind == "end_of_section" for element in stream.elements)
    return listed and sum(stream.totals) != sum(block.used_length for block in stream.blocks)


def _page_size(stream: Stream) -> int | None:
    """The most common page size of headers, configuration and JSON; None if there is a tie."""
    sizes = Counter(block.page_size for block in stream.blocks if block.has_data)
    if told := stream.told_page_size:
        sizes[told] += 1
    (first, count), (_, next_count) = [*sizes.most_common(2), (None, 0), (None, 0)][:2]
    return first if count > next_count else None


def _is_lost(
    block: RamBlock, stream: Stream, where: Mapping[int, list[str]], misplaced: Set[str]
) -> bool:
    """Whether neither a header nor the end of the list follows the pages.

    If the file ends before that place, only the offsets that a writer would choose are trusted.
    """
    place = block.next_offset
    if isinstance(stream.stopped, TruncatedError) and stream.file_size <= place:
        fits = sum(one.used_length for one in stream.blocks) <= sum(stream.totals)
        align = stream.alignment or MAPPED_RAM_FILE_OFFSET_ALIGNMENT
        return not fits or block.pages_offset != block.aligned_pages_offset(align)
    following = where.get(place)
    return following is None or not misplaced.isdisjoint(following)
