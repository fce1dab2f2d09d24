"""Equally spaced pieces of a packed file, and their bytes."""

import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from mappedram.errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Table: TypeAlias = "NDArray[np.int64]"

#: Bytes of one chunk before compression.
CHUNK_SIZE = 1 << 20
#: Number of decompressed chunks kept in memory.
_HELD = 8
#: Replaces a page that is only known not to be zero.
MARK = b"\x01"
#: Maximum of offsets; files are smaller.
NUMBER_MAX = (1 << 62) - 1

#: Reads stored bytes: offset, length, and a name for errors.
Read = Callable[[int, int, str], bytes]


class Chunks:
    """Consecutive bytes, compressed in chunks."""

    def __init__(self, stored: Read, name: str, chunks: Table) -> None:
        self._stored = stored
        self._name = name
        self._chunks = chunks
        self._chunk = lru_cache(_HELD)(self._read)

    def _read(self, number: int) -> bytes:
        start, end = self._chunks[:, number].tolist()
        if end - start > 2 * CHUNK_SIZE:
            raise damaged(self._name, start)
        data = self._stored(start, end - start, self._name)
        return inflated(data, CHUNK_SIZE, self._name, start)

    def is_sound(self, length: int) -> bool:
        """Whether the number of chunks fits `length` bytes."""
        return len(self._chunks[0]) == -(-length // CHUNK_SIZE)

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""
        parts = []
        while start < end:
            number, at = divmod(start, CHUNK_SIZE)
            part = self._chunk(number)[at : at + end - start]
            if not part:
                raise damaged(self._name, int(self._chunks[0, number]))
            parts.append(part)
            start += len(part)
        return b"".join(parts)


class Marks:
    """Consecutive marks."""

    def is_sound(self, length: int) -> bool:  # noqa: ARG002
        """See `Chunks`."""
        return True

    def read(self, start: int, end: int) -> bytes:
        """See `Chunks`."""
        return MARK * (end - start)


class Layer:
    """Equally spaced pieces: each row has `count` pieces of `width` bytes, `step` apart."""

    def __init__(self, table: Table, held: Chunks | Marks) -> None:
        import numpy as np

        self._table = table
        self._held = held
        self._first, self._width, self._step, self._count = table
        self._ends = self._first + self._step * (self._count - 1) + self._width
        self._starts = np.cumsum(self._width * self._count) - self._width * self._count

    def is_sound(self, size: int) -> bool:
        """Whether the rows are ascending, within a file of `size` bytes, and all bytes are held."""
        if not len(self._first):
            return self._held.is_sound(0)
        # Floats cannot overflow here.
        total = self._width.astype(float) @ self._count
        reach = self._first + self._step.astype(float) * self._count + self._width
        return bool(
            (self._width > 0).all()
            and (self._count > 0).all()
            and (self._step >= self._width).all()
            and total <= size
            and (reach < 2 * NUMBER_MAX).all()
            and (self._ends <= size).all()
            and (self._first[1:] >= self._ends[:-1]).all()
            and self._held.is_sound(int((self._width * self._count).sum()))
        )

    def put(self, data: bytearray, offset: int) -> None:
        """Put the pieces in [offset, offset + len(data)) into `data`."""
        first, last = touching(self._first, self._ends, offset, offset + len(data))
        for index in range(first, last):
            self._put_row(data, offset, index)

    def spans(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that the pieces cover."""
        for index in range(*touching(self._first, self._ends, start, end)):
            first, width, step, count = self._table[:, index].tolist()
            lower = max(0, -(-(start - width + 1 - first) // step))
            upper = min(count, -(-(end - first) // step))
            for place in range(first + lower * step, first + upper * step, step):
                yield max(place, start), min(place + width, end)

    def _put_row(self, data: bytearray, offset: int, index: int) -> None:
        import numpy as np

        first, width, step, count = self._table[:, index].tolist()
        start, end = int(self._starts[index]), offset + len(data)
        if count == 1:
            begin, stop = max(first, offset), min(first + width, end)
            place = start - first
            data[begin - offset : stop - offset] = self._held.read(place + begin, place + stop)
            return
        lower = max(0, -(-(offset - width + 1 - first) // step))
        upper = min(count, -(-(end - first) // step))
        if lower >= upper:
            return  # the window lies between two pieces
        held = self._held.read(start + lower * width, start + upper * width)
        places = first - offset + np.arange(lower, upper) * step
        index_of = (places[:, None] + np.arange(width)).ravel()
        inside = (index_of >= 0) & (index_of < len(data))
        target = np.frombuffer(data, np.uint8)
        target[index_of[inside]] = np.frombuffer(held, np.uint8)[inside]


def touching(
    starts: "NDArray[np.int64]", ends: "NDArray[np.int64]", offset: int, end: int
) -> tuple[int, int]:
    """Index range of the ranges that overlap [offset, end)."""
    if end <= offset:
        return 0, 0
    return int(ends.searchsorted(offset, "right")), int(starts.searchsorted(end, "left"))


def inflated(data: bytes, most: int, what: str, offset: int) -> bytes:
    """Decompress data to at most `most` bytes.

    Raises:
        FormatError: the data is damaged; the message names `what`.
    """
    decompressor = zlib.decompressobj()
    try:
        found = decompressor.decompress(data, most + 1)
    except zlib.error as error:
        raise damaged(what, offset) from error
    if not decompressor.eof or len(found) > most:
        raise damaged(what, offset)
    return found


def damaged(what: str, offset: int) -> FormatError:
    """Error for a damaged part of a packed file."""
    return FormatError(f"{what}: the metadump is damaged", offset=offset, path=f"/metadump/{what}")
