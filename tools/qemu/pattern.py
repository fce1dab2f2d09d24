"""A pattern for guest memory whose every byte tells its place.

A page of a filled run consists of little-endian 64-bit words. Each is the address, within the RAM
block, of its 512-byte sector, or of its page if that is smaller, XORed with the block's seed. So a
page in the wrong place, in the wrong block or shifted by any amount differs from the expected one,
and its origin is visible in a hex dump. Equal words within a sector make it compress well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

SECTOR = 512


def seed(tag: bytes) -> int:
    """Make a seed from 4 letters, which follow the 4 address bytes of each word."""
    return int.from_bytes(tag.rjust(8, b"\0"), "little")


def expected(page_index: int, page_size: int, seed: int) -> bytes:
    """Return the expected contents of a page in a filled run."""
    return _words((page_index, page_index + 1), page_size, seed)


def fill(
    path: Path, size: int, page_size: int, pages: Iterable[tuple[int, int]], seed: int
) -> None:
    """Make a RAM image with the pattern in the half-open page runs `pages`, holes elsewhere."""
    with path.open("wb") as image:
        image.truncate(size)
        for start, stop in pages:
            image.seek(start * page_size)
            image.write(_words((start, stop), page_size, seed))


def _words(pages: tuple[int, int], page_size: int, seed: int) -> bytes:
    start, stop = (page * page_size for page in pages)
    sector = min(SECTOR, page_size)
    sectors = np.arange(start, stop, sector, dtype="<u8") ^ np.uint64(seed)
    return sectors.repeat(sector // sectors.itemsize).tobytes()
