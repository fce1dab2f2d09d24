"""Headers of short blocks that are fetched ahead of the walk, as a remote file answers slowly.

Each header says where the next one is, so that a walk waits for one request for each block. QEMU
writes the longest block first (system/physmem.c, ram_block_add()), by the length that it may grow
to, and the list begins with the length of all, so that the lengths to come have a limit. Where that
is short, so is the range in which a later header begins, behind a boundary of the page areas.
Whatever is guessed wrongly is only fetched in vain.
"""

from collections.abc import Iterator

from mappedram.format.arithmetic import round_up
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT, RAM_SAVE_FLAG_MEM_SIZE
from mappedram.format.structures import MEM_SIZE, RAMBLOCK_HEADER
from mappedram.io.source import Source
from mappedram.stream.model import Element, RamBlock, is_kind

#: Headers to guess the place of, beyond the next one, whose place is known.
_GUESSED = 2
#: Longest range to fetch for one header. Longer blocks are few.
_RANGE_MAX = 1 << 20
#: Length of the longest usual ROM, which may stand behind a resizable block that is shorter.
_USUAL = 256 << 10
#: Bytes to fetch of a header, and what may stand around it.
_AROUND = 32 << 10


class HeadersAhead:
    """The headers ahead of a walk.

    Args:
        source: the file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        #: Bytes of the blocks that are yet to come.
        self._left = 0

    def passed(self, element: Element[object]) -> None:
        """Take note of a structure, and fetch headers if it is that of a block."""
        if is_kind(element, MEM_SIZE):
            self._left = element.values["total_and_flags"] - RAM_SAVE_FLAG_MEM_SIZE
        elif is_kind(element, RAMBLOCK_HEADER):
            block = RamBlock(element)
            self._left -= block.used_length
            if self._left > 0 and block.page_size and block.has_data:
                self._source.prefetch(self._guessed(block, block.page_size))

    def _guessed(self, block: RamBlock, page_size: int) -> Iterator[tuple[int, int]]:
        """The ranges in which later headers begin; the place of the next one is added to them."""
        start = block.next_offset
        yield start, start + _AROUND
        for number in range(1, _GUESSED + 1):
            longest = min(max(block.used_length, _USUAL), self._left // number)
            is_last = self._left < (number + 1) * page_size
            if is_last or longest + _AROUND > _RANGE_MAX:
                return
            start = round_up(start + 1, MAPPED_RAM_FILE_OFFSET_ALIGNMENT)
            yield start, start + longest + _AROUND
