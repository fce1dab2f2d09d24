"""Bitmap bytes <-> page runs. Word size and byte order of the writing host are parameters.

Source: QEMU migration/ram.c, ram_save_file_bmap(): the bitmap is the memory image of an `unsigned
long[]`; bit p % bits of word p / bits says whether page p is in the file.
"""

from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mappedram.errors import OutOfRangeError
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE, bitmap_size

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

ByteOrder = Literal["little", "big"]

_WORD_CODES = {4: "I", 8: "Q"}
#: Bytes of bitmap processed in one step, few enough to stay in the cache.
_CHUNK = 1 << 17
#: Bytes of bitmap whose bits are counted in one step.
_COUNTED = 1 << 14
_ALL_CLEAR = bytes(_COUNTED)
_ALL_SET = b"\xff" * _COUNTED


class Bitmap:
    """Bitmap of a block: its set bits are the pages in the file.

    Args:
        data: the bytes of the file, `bitmap_size(num_pages, word_size)` of them.
        num_pages: number of pages of the block.
        word_size: bytes of an `unsigned long` on the host that wrote the file, 4 or 8.
        byteorder: byte order of that host.
    """

    def __init__(
        self,
        data: bytes | bytearray,
        num_pages: int,
        word_size: int = DEFAULT_WORD_SIZE,
        byteorder: ByteOrder = "little",
    ) -> None:
        if len(data) != bitmap_size(num_pages, word_size):
            raise ValueError(
                f"bitmap: expected {bitmap_size(num_pages, word_size)} bytes for {num_pages}"
                f" pages, got {len(data)}"
            )
        self.data = data
        self.num_pages = num_pages
        self.word_size = word_size
        self.byteorder = byteorder

    @cached_property
    def little(self) -> bytes | bytearray:
        """The same bits with page p at bit p % 8 of byte p / 8."""
        if self.byteorder == "little":
            return self.data
        words = array(_WORD_CODES[self.word_size], self.data)
        words.byteswap()
        return words.tobytes()

    def count(self) -> int:
        """Number of set bits below `num_pages`."""
        little = self.little
        steps = range(0, len(little), _COUNTED)
        total = sum(_count(little[start : start + _COUNTED]) for start in steps)
        return total - self.count_beyond()

    def count_beyond(self) -> int:
        """Number of set bits at or above `num_pages`, which belong to no page."""
        whole, bits = divmod(self.num_pages, 8)
        return (int.from_bytes(self.little[whole:], "little") >> bits).bit_count()

    def any(self) -> bool:
        """Whether any bit is set."""
        return self.data.count(0) < len(self.data)

    def __getitem__(self, page: int) -> bool:
        if not 0 <= page < self.num_pages:
            raise OutOfRangeError(f"page {page} of {self.num_pages}")
        return bool(self.little[page >> 3] >> (page & 7) & 1)

    def __len__(self) -> int:
        return self.num_pages

    def __repr__(self) -> str:
        return f"<Bitmap: {self.count()} of {self.num_pages} pages>"

    def runs(self, start: int = 0, stop: int | None = None) -> "Runs":
        """The runs of set bits in pages [start, stop), ascending; int64 array of shape (n, 2)."""
        import numpy as np

        parts = list(self.iter_runs(start, stop))
        if not parts:
            return np.empty((0, 2), np.int64)
        return _joined(np.concatenate(parts))

    def iter_runs(self, start: int = 0, stop: int | None = None) -> Iterator["Runs"]:
        """Yield `runs` in parts of bounded size; a run may continue in the next part."""
        stop = self.num_pages if stop is None else min(stop, self.num_pages)
        for first in range(start - start % 64, stop, _CHUNK * 8):
            last = min(first + _CHUNK * 8, stop)
            part = _edges(self.little[first >> 3 : (last + 7) >> 3], last - first)
            part += first
            if first < start:
                part = part[part[:, 1] > start]
                part[:1, 0] = part[:1, 0].clip(min=start)
            if len(part):
                yield part

    @classmethod
    def from_runs(
        cls,
        runs: Iterable[tuple[int, int]],
        num_pages: int,
        word_size: int = DEFAULT_WORD_SIZE,
        byteorder: ByteOrder = "little",
    ) -> "Bitmap":
        """Make a bitmap with the pages of `runs` set.

        Raises:
            OutOfRangeError: a run exceeds the block.
        """
        import numpy as np

        pairs = np.asarray(list(runs) if not hasattr(runs, "shape") else runs, np.int64)
        pairs = pairs.reshape(-1, 2)
        if len(pairs) and (pairs.min() < 0 or pairs.max() > num_pages):
            raise OutOfRangeError(f"runs: expected pages within 0 to {num_pages}")
        # +1 where a run begins, -1 where it ends: the running sum is the bit.
        steps = np.zeros(num_pages + 1, np.int8)
        np.add.at(steps, pairs[:, 0], 1)
        np.add.at(steps, pairs[:, 1], -1)
        bits = np.cumsum(steps[:-1], dtype=np.int8) > 0
        packed = np.packbits(bits, bitorder="little").tobytes()
        little = packed.ljust(bitmap_size(num_pages, word_size), b"\0")
        swapped = cls(little, num_pages, word_size, byteorder).little
        return cls(swapped, num_pages, word_size, byteorder)


def _count(part: bytes | bytearray) -> int:
    """Number of set bits; comparison is fast for parts of equal bits, the usual case."""
    if part == _ALL_CLEAR:
        return 0
    if part == _ALL_SET:
        return 8 * _COUNTED
    return int.from_bytes(part, "little").bit_count()


def _edges(little: bytes | bytearray, num_bits: int) -> "Runs":
    """The runs of set bits among the first `num_bits` of `little`."""
    import numpy as np

    words = np.frombuffer(little.ljust(-(-len(little) // 8) * 8, b"\0"), "<u8")
    # A bit of `turns` is set where a bit differs from the previous one. Whole words of equal bits,
    # by far the most common, become zero.
    before = np.empty_like(words)
    before[0] = 0
    np.right_shift(words[:-1], np.uint64(63), out=before[1:])
    turns = words ^ (words << np.uint64(1) | before)
    places = np.flatnonzero(turns)
    bits = np.unpackbits(
        turns[places].astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little"
    )
    rows, columns = np.nonzero(bits)
    edges = places[rows].astype(np.int64) * 64 + columns
    edges = edges[edges < num_bits]
    if len(edges) % 2:
        edges = np.append(edges, num_bits)
    return edges.reshape(-1, 2)


def _joined(runs: "Runs") -> "Runs":
    """Join runs that touch."""
    import numpy as np

    apart = np.flatnonzero(runs[1:, 0] != runs[:-1, 1])
    starts = runs[np.concatenate(([0], apart + 1)), 0]
    stops = runs[np.concatenate((apart, [len(runs) - 1])), 1]
    return np.stack((starts, stops), axis=1)


def guess_byteorder(bitmaps: Iterable[tuple[bytes, int]]) -> tuple[ByteOrder, bool]:
    """Guess the byte order of the host that wrote a file, which the file does not store.

    A block of fewer than 64 pages reveals it: its only word has zero bytes for nonexistent pages,
    at one end or at the other.

    Args:
        bitmaps: bytes and number of pages of each block.

    Returns:
        The byte order, and whether there is evidence for it; without, it is the usual one.
    """
    for data, num_pages in bitmaps:
        used = -(-num_pages // 8)
        if not 0 < used < len(data) or len(data) != DEFAULT_WORD_SIZE or not any(data):
            continue
        little, big = not any(data[used:]), not any(data[: len(data) - used])
        if little != big:
            return ("little" if little else "big"), True
    return "little", False
