"""Rows of page records of one kind with CONTINUE, whose words are equally spaced.

A regular expression finds the end of a short row, since a stream may hold a hundred thousand of
them; numpy finds the end of a long one.
"""

import re
import sys
from functools import cache

from mappedram.errors import MappedRamError
from mappedram.format.constants import (
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_ZERO,
)

#: Bytes of `addr_and_flags`.
WORD = 8
#: Maximum number of records that one match covers; `row_end` finds the others. A greedy repetition
#: keeps a backtracking position for each.
ROW_MAX = 128
#: Growth factor of the number of records that numpy examines, while all belong to the row.
_GROWTH = 4


def row_end(data: memoryview, start: int, kind: int, step: int, page_size: int) -> int:
    """End of a row that continues at `start`. Takes time in proportion to its length.

    Args:
        data: bytes to search.
        start: offset where a record of the row may begin.
        kind: RAM_SAVE_FLAG_PAGE or RAM_SAVE_FLAG_ZERO.
        step: bytes from each record to the next.
        page_size: size of a target page in bytes.
    """
    import numpy as np

    size = ROW_MAX
    while size := min(_GROWTH * size, (len(data) - start) // step):
        words = np.ndarray((size,), ">u8", data, start, (step,))
        belongs = words & np.uint64(page_size - 1) == kind | RAM_SAVE_FLAG_CONTINUE
        if kind == RAM_SAVE_FLAG_ZERO:
            belongs &= np.ndarray((size,), np.uint8, data, start + WORD, (step,)) == 0
        if not belongs.all():
            return start + int(belongs.argmin()) * step
        start += size * step
    return start


@cache
def row_pattern(page_size: int) -> re.Pattern[bytes]:
    """Match up to ROW_MAX records of a row: group 1 matches pages, group 2 zero pages.

    A word is a multiple of the page size and, in its last byte, the flags.

    Raises:
        MappedRamError: `re` of this Python does not find the end of a row.
    """
    multiple = re.escape(bytes(range(0, 256, max(1, page_size >> 8))))
    page, zero = (
        re.escape(bytes([kind | RAM_SAVE_FLAG_CONTINUE]))
        for kind in (RAM_SAVE_FLAG_PAGE, RAM_SAVE_FLAG_ZERO)
    )
    word = b".{6}[" + multiple + b"]"
    # Not possessive: CPython 3.11.2 sets the end of such a group after a failed attempt.
    most = b"{1,%d}" % ROW_MAX
    text = b"((?:%b%b.{%d})%b)|((?:%b%b\0)%b)" % (word, page, page_size, most, word, zero, most)
    pattern = re.compile(text, re.DOTALL)
    prove(pattern, page_size)
    return pattern


def prove(pattern: re.Pattern[bytes], page_size: int) -> None:
    """Test the pattern on rows with each possible ending: wrong memory would go unnoticed.

    Raises:
        MappedRamError: `re` of this Python does not find the end of a row.
    """
    page, zero, other = (
        (page_size | flags).to_bytes(WORD, "big")
        for flags in (
            RAM_SAVE_FLAG_PAGE | RAM_SAVE_FLAG_CONTINUE,
            RAM_SAVE_FLAG_ZERO | RAM_SAVE_FLAG_CONTINUE,
            RAM_SAVE_FLAG_EOS,
        )
    )
    records = {1: page + bytes(page_size), 2: zero + b"\0"}
    for group, record in records.items():
        for rest in (b"", record[:-1], records[3 - group], other + bytes(page_size)):
            found = pattern.match(2 * record + rest)
            if found is None or (found.lastindex, found.end()) != (group, 2 * len(record)):
                raise MappedRamError(
                    f"re of Python {sys.version.split()[0]} is wrong: a match of two page records"
                    f" of {len(record)} bytes ends at {found and found.end()}; use another Python"
                )
