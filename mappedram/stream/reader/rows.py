"""Rows of page records: those of one kind with CONTINUE, whose words lie at equal distances.

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
#: Records that one match covers at most; `row_end` finds the others. A greedy repetition keeps a
#: place to return to for each.
ROW_MAX = 128
#: How many times as many records numpy looks at next, as long as all of them belong to the row.
_GROWTH = 4


def row_end(data: memoryview, start: int, kind: int, step: int, page_size: int) -> int:
    """Where a row ends that goes on at `start`. Takes time in proportion to its length.

    Args:
        data: what is searched.
        start: where a record of the row may begin.
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
    """Match up to ROW_MAX records of a row: group 1 those of pages, group 2 those of zeros.

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
    # Not possessive: CPython 3.11.2 puts the end of such a group behind an attempt that failed.
    most = b"{1,%d}" % ROW_MAX
    text = b"((?:%b%b.{%d})%b)|((?:%b%b\0)%b)" % (word, page, page_size, most, word, zero, most)
    pattern = re.compile(text, re.DOTALL)
    prove(pattern, page_size)
    return pattern


def prove(pattern: re.Pattern[bytes], page_size: int) -> None:
    """Try the pattern on rows that end in each possible way: misread memory would not show.

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
