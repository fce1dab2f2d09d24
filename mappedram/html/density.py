"""Number of stored pages in equal parts of a block. Arithmetic only."""

from typing import NamedTuple

from mappedram.stream.bitmap import Bitmap


class Density(NamedTuple):
    """Stored pages by cell: `counts[n]` of `pages_per_cell` pages from `n * pages_per_cell` on."""

    num_pages: int
    pages_per_cell: int
    counts: tuple[int, ...]

    def capacity(self, cell: int) -> int:
        """Number of pages of a cell; the last one may have fewer."""
        return min(self.pages_per_cell, self.num_pages - cell * self.pages_per_cell)

    def level(self, cell: int, levels: int) -> int:
        """Level of a cell: 0 only for no page, `levels` only for all of them."""
        count, capacity = self.counts[cell], self.capacity(cell)
        if count in (0, capacity):
            return levels if count else 0
        return 1 + count * (levels - 1) // capacity


def density(bitmap: Bitmap, cells_max: int) -> Density:
    """Count the pages of a block in at most `cells_max` parts of a power of two pages each."""
    num_pages = bitmap.num_pages
    per_cell = 1
    while num_pages > per_cell * cells_max:
        per_cell *= 2
    little = bitmap.little
    counts = tuple(
        _count(little, first, min(first + per_cell, num_pages))
        for first in range(0, num_pages, per_cell)
    )
    return Density(num_pages, per_cell, counts)


def _count(little: bytes | bytearray, first: int, last: int) -> int:
    """Number of set bits in [first, last), counted by whole words."""
    start, stop = first >> 3, (last + 7) >> 3
    bits = int.from_bytes(little[start:stop], "little") >> (first & 7)
    return (bits & ((1 << (last - first)) - 1)).bit_count()
