"""The bitmap of a block while the block is being written, by any number of threads."""

from threading import Lock
from typing import TYPE_CHECKING

from mappedram.io import system
from mappedram.io.copying import grouped, pages_of
from mappedram.stream.bitmap import ByteOrder
from mappedram.stream.model import RamBlock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

#: Bytes of bitmap that are written, or left as a hole, together.
_BITMAP_STEP = 4096


class BitmapDraft:
    """Bitmap of a block while it is written; page p is bit p % 8 of byte p / 8.

    Untouched parts take no memory and become holes: a block may have 2^32 pages.
    """

    def __init__(self, block: RamBlock) -> None:
        import numpy as np

        self.block = block
        self.bits: NDArray[np.uint8] = np.zeros(block.bitmap_size, np.uint8)
        self._touched: NDArray[np.bool_] = np.zeros(-(-block.bitmap_size // _BITMAP_STEP), bool)
        self._lock = Lock()

    def put(
        self, first: int, stored: "NDArray[np.bool_]", wanted: "NDArray[np.bool_] | None" = None
    ) -> None:
        """Set and clear the bits from page `first` on; only the `wanted` ones if given."""
        import numpy as np

        start, stop = first // 8, -(-(first + len(stored)) // 8)
        inside = slice(first - start * 8, first - start * 8 + len(stored))
        with self._lock:
            bits = np.unpackbits(self.bits[start:stop], bitorder="little").view(bool)
            bits[inside] = stored if wanted is None else stored | (bits[inside] & ~wanted)
            self.bits[start:stop] = np.packbits(bits, bitorder="little")
            self._touched[start // _BITMAP_STEP : -(-stop // _BITMAP_STEP)] = True

    def put_runs(self, runs: "Runs") -> None:
        """Set the bits of the runs; bits between them are unchanged."""
        for first, part in grouped(runs, 1 << 20):
            stored = pages_of(part, first)
            self.put(first, stored, stored)

    def write(self, fd: int, byteorder: ByteOrder) -> None:
        """Write the touched parts, as words of the emulated host."""
        import numpy as np

        offset = self.block.bitmap_offset
        assert offset is not None
        word = np.dtype(f"u{self.block.word_size}")
        for step in np.flatnonzero(self._touched).tolist():
            bits = self.bits[step * _BITMAP_STEP : (step + 1) * _BITMAP_STEP]
            words = bits.view(word.newbyteorder("<")).astype(word.newbyteorder(byteorder))
            system.write(fd, words.tobytes(), offset + step * _BITMAP_STEP)
