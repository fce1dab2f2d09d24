"""Pages that a load reads, and their places: bitmaps in the file and their effect on a block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.format.arithmetic import bitmap_size
from mappedram.io.source import Source
from mappedram.stream.bitmap import Bitmap, ByteOrder

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes of a bitmap read in one step.
_STEP = 1 << 17


@dataclass(frozen=True, slots=True)
class Brought:
    """Pages of one local block that one record of the file delivered.

    Attributes:
        idstr: the local block.
        pages_offset: file offset of its page 0.
        bitmap_offset: file offset of the bitmap of these pages.
        num_pages: number of bits in it.
    """

    idstr: str
    pages_offset: int
    bitmap_offset: int
    num_pages: int


class Bitmaps:
    """The bitmaps of a file.

    Args:
        source: the file.
        byteorder: of the host that loads it.
    """

    def __init__(self, source: Source, byteorder: ByteOrder) -> None:
        self.source = source
        self._byteorder: ByteOrder = byteorder
        #: Bytes read so far, without holes.
        self.bytes_read = 0

    def ends(self, offset: int, num_pages: int) -> Iterator[int]:
        """For each part of a bitmap, the last set bit plus one; 0 if none is set."""
        for first, part in self._parts(offset, num_pages):
            # Most bitmaps are short and mostly empty: skip the conversion to an array.
            words = part.little.rstrip(b"\0")
            last = 8 * len(words) - 8 + words[-1].bit_length() if words else 0
            if last > part.num_pages:
                bits = int.from_bytes(words, "little") & (1 << part.num_pages) - 1
                last = bits.bit_length()
            yield first + last if last else 0

    def iter_runs(self, offset: int, num_pages: int) -> Iterator["Runs"]:
        """Yield the runs of set bits, in non-empty parts of bounded size.

        A run may be split at the end of a part.
        """
        for first, part in self._parts(offset, num_pages):
            runs = part.runs()
            if len(runs):
                yield runs + first

    def byte_of(self, offset: int, page: int) -> int:
        """Offset of the byte with the bit of a page, in a bitmap at `offset`."""
        byte = page // 8
        return offset + (byte if self._byteorder == "little" else byte ^ 7)

    def has(self, brought: Brought, page: int) -> bool:
        """Whether the bit of one page is set."""
        if not 0 <= page < brought.num_pages:
            return False
        word = self.source.read(brought.bitmap_offset + page // 64 * 8, 8).ljust(8, b"\0")
        return bool(int.from_bytes(word, self._byteorder) >> page % 64 & 1)

    def runs(self, offset: int, num_pages: int) -> "Runs":
        """All runs of `iter_runs` in one array."""
        import numpy as np

        parts = list(self.iter_runs(offset, num_pages))
        return np.concatenate(parts) if parts else np.empty((0, 2), np.int64)

    def _parts(self, offset: int, num_pages: int) -> Iterator[tuple[int, Bitmap]]:
        """Parts of a bitmap that are not holes, each with the number of its first page."""
        size = bitmap_size(num_pages)
        for begin, end in self.source.extents(offset, offset + size):
            for start in range(begin - (begin - offset) % 8, end, _STEP):
                first = (start - offset) * 8
                data = self.source.read(start, min(_STEP, offset + size - start))
                self.bytes_read += len(data)
                count = min(-(-len(data) // 8) * 64, num_pages - first)
                if count > 0:
                    words = data[: bitmap_size(count)].ljust(bitmap_size(count), b"\0")
                    yield first, Bitmap(words, count, byteorder=self._byteorder)
