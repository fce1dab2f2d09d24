"""Packed files: a file of which only some bytes were kept, read as if it were the file itself.

`mappedram metadump` writes them (docs/metadump.md has the layout). Size and holes are those of the
file that was packed; what was not kept reads as zeros. Nothing here knows what the bytes mean.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from mappedram.errors import FormatError, TruncatedError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: As for PNG: a copy that changed line ends, or lost the high bits, is told at once.
MAGIC = b"\x89MRMETADUMP\r\n\x1a\n\0"
VERSION = 1
#: Magic, `be32` version, `be64` offset of the directory, `be64` its length, 4 bytes of zeros.
HEADER_SIZE = 40
#: Bytes of one chunk of contents before it is compressed.
CHUNK_SIZE = 1 << 20
#: Bytes of a directory when it is decompressed.
DIRECTORY_MAX = 16 << 20
#: Numbers in all tables together. Runs that follow no rule take two for each: 8 million.
NUMBERS_MAX = 1 << 24
#: Chunks that are kept in memory.
_HELD = 8
#: No offset is larger: files end below that.
_NUMBER_MAX = (1 << 62) - 1
#: What stands for a page that is only known not to be zero.
MARK = b"\x01"

#: Tables, and the columns of each. Rows are ascending, and no two overlap.
TABLES = {
    "extents": ("start", "end"),
    "pieces": ("first", "width", "step", "count"),
    "pages": ("first", "width", "step", "count"),
    "contents": ("start", "end"),
    "digests": ("start", "end"),
}

Table: TypeAlias = "NDArray[np.int64]"


class Packed:
    """An open packed file.

    Args:
        fd: descriptor; it stays open.
        size: bytes of the packed file.

    Attributes:
        size: bytes of the file that was packed.
        has_digests: whether digests stand for pages; else marks do, or nothing.
        summary: what was kept and what was not, as whoever packed it says.

    Raises:
        TruncatedError: the packed file ends before its directory does.
        FormatError: it is damaged.
        UnsupportedError: it has a version that this release does not read.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._file_size = size
        header = self._stored(0, HEADER_SIZE, "header")
        version = int.from_bytes(header[16:20], "big")
        if version != VERSION:
            raise UnsupportedError(
                f"version: expected {VERSION}, got {version}", offset=16, path="/metadump/version"
            )
        offset, length = (int.from_bytes(header[at : at + 8], "big") for at in (20, 28))
        directory = self._directory(offset, length)
        try:
            self.size = _count(directory["size"])
            self.has_digests = bool(directory["has_digests"])
            self.summary: Mapping[str, Any] = dict(directory["summary"])
            places = {
                name: tuple(_count(number) for number in directory["tables"][name])
                for name in TABLES
            }
            numbers = sum(rows * len(TABLES[name]) for name, (_, _, rows) in places.items())
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged("directory", offset) from error
        if numbers > NUMBERS_MAX:
            raise _damaged("directory", offset)
        self._extents = self._ranges("extents", *places["extents"])
        contents = self._ranges("contents", *places["contents"])
        digests = self._ranges("digests", *places["digests"])
        self._pieces = self._layer("pieces", *places["pieces"], _Chunks(self, "contents", contents))
        held = _Chunks(self, "digests", digests) if self.has_digests else _Marks()
        self._pages = self._layer("pages", *places["pages"], held)

    # What is stored.

    def _stored(self, offset: int, length: int, what: str) -> bytes:
        if offset + length > self._file_size:
            raise TruncatedError(
                f"{what}: the metadump ends at {self._file_size:#x}, before"
                f" {offset + length:#x}",
                offset=offset,
                path=f"/metadump/{what}",
            )
        data = os.pread(self._fd, length, offset)
        if len(data) < length:
            raise TruncatedError(
                f"{what}: the metadump has shrunk while it was read",
                offset=offset,
                path=f"/metadump/{what}",
            )
        return data

    def inflated(self, offset: int, length: int, most: int, what: str) -> bytes:
        """What is stored at `offset`, decompressed; at most `most` bytes.

        Raises:
            TruncatedError: the packed file ends before.
            FormatError: it is damaged.
        """
        decompressor = zlib.decompressobj()
        try:
            found = decompressor.decompress(self._stored(offset, length, what), most + 1)
        except zlib.error as error:
            raise _damaged(what, offset) from error
        if not decompressor.eof or len(found) > most:
            raise _damaged(what, offset)
        return found

    def _directory(self, offset: int, length: int) -> dict[str, Any]:
        if length > DIRECTORY_MAX:
            raise _damaged("directory", offset)
        try:
            directory = json.loads(self.inflated(offset, length, DIRECTORY_MAX, "directory"))
        except (ValueError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise _damaged("directory", offset) from error
        if not isinstance(directory, dict):
            raise _damaged("directory", offset)
        return directory

    def _table(self, name: str, offset: int, length: int, rows: int) -> Table:
        """The columns of a table, whose numbers are stored as differences to the one before."""
        import numpy as np

        columns = len(TABLES[name])
        size = rows * columns * 8
        data = self.inflated(offset, length, size, name) if rows else b""
        if len(data) != size:
            raise _damaged(name, offset)
        table = np.cumsum(np.frombuffer(data, "<i8").reshape(columns, rows), axis=1, dtype=np.int64)
        if (table < 0).any() or (table > _NUMBER_MAX).any():
            raise _damaged(name, offset)
        return table

    def _ranges(self, name: str, offset: int, length: int, rows: int) -> Table:
        table = self._table(name, offset, length, rows)
        starts, ends = table
        if (ends < starts).any() or (starts[1:] < ends[:-1]).any():
            raise _damaged(name, offset)
        return table

    def _layer(
        self, name: str, offset: int, length: int, rows: int, held: "_Chunks | _Marks"
    ) -> "_Layer":
        layer = _Layer(self._table(name, offset, length, rows), held)
        if not layer.is_sound(self.size):
            raise _damaged(name, offset)
        return layer

    # The file that was packed.

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only where the file ends."""
        data = bytearray(max(0, min(length, self.size - offset)))
        self._pieces.put(data, offset)
        self._pages.put(data, offset)
        return bytes(data)

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were not holes, as half-open ranges of offsets."""
        first, last = _touching(*self._extents, start, end)
        for begin, stop in self._extents[:, first:last].T.tolist():
            yield max(begin, start), min(stop, end)


class _Chunks:
    """Bytes one behind the other, compressed in chunks."""

    def __init__(self, packed: Packed, name: str, chunks: Table) -> None:
        self._packed = packed
        self._name = name
        self._chunks = chunks
        self._chunk = lru_cache(_HELD)(self._read)

    def _read(self, number: int) -> bytes:
        start, end = self._chunks[:, number].tolist()
        if end - start > 2 * CHUNK_SIZE:
            raise _damaged(self._name, start)
        return self._packed.inflated(start, end - start, CHUNK_SIZE, self._name)

    def is_sound(self, length: int) -> bool:
        """Whether there are as many chunks as that many bytes take."""
        return self._chunks.shape[1] == -(-length // CHUNK_SIZE)

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""
        parts = []
        while start < end:
            number, at = divmod(start, CHUNK_SIZE)
            part = self._chunk(number)[at : at + end - start]
            if not part:
                raise _damaged(self._name, int(self._chunks[0, number]))
            parts.append(part)
            start += len(part)
        return b"".join(parts)


class _Marks:
    """Marks one behind the other."""

    def is_sound(self, length: int) -> bool:  # noqa: ARG002
        """See `_Chunks`."""
        return True

    def read(self, start: int, end: int) -> bytes:
        """See `_Chunks`."""
        return MARK * (end - start)


class _Layer:
    """Places at equal distances: each row has `count` of `width` bytes each, `step` apart."""

    def __init__(self, table: Table, held: _Chunks | _Marks) -> None:
        import numpy as np

        self._table = table
        self._held = held
        self._first, self._width, self._step, self._count = table
        self._ends = self._first + self._step * (self._count - 1) + self._width
        self._starts = np.cumsum(self._width * self._count) - self._width * self._count

    def is_sound(self, size: int) -> bool:
        """Whether the rows are ascending, in a file of `size` bytes, and all their bytes held."""
        if not len(self._first):
            return self._held.is_sound(0)
        # As floats, nothing can overflow.
        total = self._width.astype(float) @ self._count
        reach = self._first + self._step.astype(float) * self._count + self._width
        return bool(
            (self._width > 0).all()
            and (self._count > 0).all()
            and (self._step >= self._width).all()
            and total <= size
            and (reach < 2 * _NUMBER_MAX).all()
            and (self._ends <= size).all()
            and (self._first[1:] >= self._ends[:-1]).all()
            and self._held.is_sound(int((self._width * self._count).sum()))
        )

    def put(self, data: bytearray, offset: int) -> None:
        """Put what lies in [offset, offset + len(data)) into `data`."""
        first, last = _touching(self._first, self._ends, offset, offset + len(data))
        for index in range(first, last):
            self._put_row(data, offset, index)

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
            return  # the window lies between two of them
        held = self._held.read(start + lower * width, start + upper * width)
        places = first - offset + np.arange(lower, upper) * step
        index_of = (places[:, None] + np.arange(width)).ravel()
        inside = (index_of >= 0) & (index_of < len(data))
        target = np.frombuffer(data, np.uint8)
        target[index_of[inside]] = np.frombuffer(held, np.uint8)[inside]


def _touching(
    starts: "NDArray[np.int64]", ends: "NDArray[np.int64]", offset: int, end: int
) -> tuple[int, int]:
    """Which of the ranges share a byte with [offset, end)."""
    if end <= offset:
        return 0, 0
    return int(ends.searchsorted(offset, "right")), int(starts.searchsorted(end, "left"))


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _NUMBER_MAX:
        raise ValueError(value)
    return value


def _damaged(what: str, offset: int) -> FormatError:
    return FormatError(f"{what}: the metadump is damaged", offset=offset, path=f"/metadump/{what}")
