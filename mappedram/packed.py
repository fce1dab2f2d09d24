"""Packed files: a file of which only some bytes were kept, read as if it were the file itself.

`mappedram metadump` writes them (docs/metadump.md has the layout). Size and holes are those of the
file that was packed; what was not kept reads as zeros. Nothing here knows what the bytes mean.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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
#: What a directory, and a table of numbers, may grow to when it is decompressed. 64 GiB whose every
#: other page is stored make 8 million runs.
DIRECTORY_MAX = 16 << 20
NUMBERS_MAX = 1 << 25
#: Chunks that are kept in memory.
_HELD = 8
#: So many pieces are put in one by one.
_FEW = 8

#: What stands for a page that is only known not to be zero.
MARK = b"\x01"

#: Tables and how many numbers an entry has. All are ascending, and no two entries overlap.
TABLES = {"extents": 2, "pieces": 2, "series": 3, "contents": 2, "digests": 2}


class Series(NamedTuple):
    """`count` places at equal distances, each with a digest or a mark of `width` bytes."""

    first: int
    step: int
    count: int


class Packed:
    """An open packed file.

    Args:
        fd: descriptor; it stays open.
        size: bytes of the packed file.

    Attributes:
        size: bytes of the file that was packed.
        summary: what was kept and what was not, as whoever packed it says.
        width: bytes of the digest of each page; 0 where there are marks or nothing.

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
            self.width = _count(directory["width"])
            self.summary: Mapping[str, Any] = dict(directory["summary"])
            tables = {
                name: tuple(_count(number) for number in directory["tables"][name])
                for name in TABLES
            }
            if self.width > 64 or any(len(entry) != 3 for entry in tables.values()):
                raise ValueError
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged("directory", offset) from error
        numbers = {name: self._table(name, *tables[name]) for name in TABLES}
        self._extents, self._pieces = numbers["extents"], numbers["pieces"]
        self._series, self._chunks = numbers["series"], numbers["contents"]
        self._digest_chunks = numbers["digests"]
        self._index()
        self._chunk = lru_cache(_HELD)(self._read_chunk)

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

    def _directory(self, offset: int, length: int) -> dict[str, Any]:
        if length > DIRECTORY_MAX:
            raise _damaged("directory", offset)
        text = _inflated(self._stored(offset, length, "directory"), DIRECTORY_MAX)
        try:
            directory = json.loads(text or b"")
        except (ValueError, RecursionError) as error:
            raise _damaged("directory", offset) from error
        if not isinstance(directory, dict):
            raise _damaged("directory", offset)
        return directory

    def _table(self, name: str, offset: int, length: int, rows: int) -> "NDArray[np.int64]":
        """Numbers as differences to the one before, by columns of what is like each other."""
        import numpy as np

        columns = TABLES[name]
        if rows * columns > NUMBERS_MAX:
            raise _damaged(name, offset)
        wanted = rows * columns * 8
        data = _inflated(self._stored(offset, length, name), wanted) if rows else b""
        if data is None or len(data) != wanted:
            raise _damaged(name, offset)
        table = np.cumsum(np.frombuffer(data, "<i8").reshape(columns, rows), axis=1).T
        ends = table[:, 1]
        if columns == len(Series._fields):
            ends = table[:, 0] + table[:, 1] * (table[:, 2] - 1) + (self.width or len(MARK))
        if (table < 0).any() or (ends < table[:, 0]).any() or (table[1:, 0] < ends[:-1]).any():
            raise _damaged(name, offset)
        return np.ascontiguousarray(table)

    def _index(self) -> None:
        """Where the contents of each piece, and the digests of each series, begin."""
        import numpy as np

        lengths = self._pieces[:, 1] - self._pieces[:, 0]
        self._piece_starts = np.cumsum(lengths) - lengths
        counts = self._series[:, 2]
        self._series_starts = np.cumsum(counts) - counts
        for name, chunks, needed in (
            ("contents", self._chunks, int(lengths.sum())),
            ("digests", self._digest_chunks, int(counts.sum()) * self.width),
        ):
            if len(chunks) != -(-needed // CHUNK_SIZE):
                raise _damaged(name, 0)

    def _read_chunk(self, digests: bool, number: int) -> bytes:
        start, end = (self._digest_chunks if digests else self._chunks)[number].tolist()
        name = "digests" if digests else "contents"
        if end - start > 2 * CHUNK_SIZE:
            raise _damaged(name, start)
        data = _inflated(self._stored(start, end - start, name), CHUNK_SIZE)
        if data is None:
            raise _damaged(name, start)
        return data

    def _held(self, digests: bool, start: int, end: int) -> bytes:
        """Bytes [start, end) of the contents, or of the digests."""
        parts = []
        while start < end:
            number, at = divmod(start, CHUNK_SIZE)
            part = self._chunk(digests, number)[at : at + end - start]
            if not part:
                raise _damaged("digests" if digests else "contents", 0)
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    # The file that was packed.

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only where the file ends."""
        length = max(0, min(length, self.size - offset))
        data = bytearray(length)
        first, last = _touching(self._pieces[:, 0], self._pieces[:, 1], offset, offset + length)
        if first < last:
            self._put_pieces(data, offset, first, last)
        if len(self._series) and length:
            self._fill(data, offset, offset + length)
        return bytes(data)

    def _put_pieces(self, data: bytearray, offset: int, first: int, last: int) -> None:
        """Put in what was kept, all at once: in the contents the pieces stand side by side."""
        import numpy as np

        pieces = self._pieces[first:last].clip(offset, offset + len(data))
        start = int(self._piece_starts[first]) + int(pieces[0, 0] - self._pieces[first, 0])
        held = self._held(False, start, start + int((pieces[:, 1] - pieces[:, 0]).sum()))
        begins, lengths = pieces[:, 0] - offset, pieces[:, 1] - pieces[:, 0]
        places = np.cumsum(lengths) - lengths
        if last - first <= _FEW:
            for begin, length, place in np.stack((begins, lengths, places), axis=1).tolist():
                data[begin : begin + length] = held[place : place + length]
            return
        index = np.repeat(begins - places, lengths) + np.arange(len(held))
        np.frombuffer(data, np.uint8)[index] = np.frombuffer(held, np.uint8)

    def _fill(self, data: bytearray, offset: int, end: int) -> None:
        """Put in the digests and marks that lie in [offset, end)."""
        import numpy as np

        width = self.width or len(MARK)
        table = self._series
        ends = table[:, 0] + table[:, 1] * (table[:, 2] - 1) + width
        target = np.frombuffer(data, np.uint8)
        for index in range(*_touching(table[:, 0], ends, offset, end)):
            series = Series(*table[index].tolist())
            step = max(series.step, 1)
            first = max(0, -(-(offset - width + 1 - series.first) // step))
            stop = min(series.count, -(-(end - series.first) // step))
            if first >= stop:
                continue
            start = int(self._series_starts[index])
            if self.width:
                held = self._held(True, (start + first) * width, (start + stop) * width)
            else:
                held = MARK * (stop - first)
            places = series.first + np.arange(first, stop) * step - offset
            places = (places[:, None] + np.arange(width)).ravel()
            inside = (places >= 0) & (places < len(data))
            target[places[inside]] = np.frombuffer(held, np.uint8)[inside]

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were not holes, as half-open ranges of offsets."""
        first, last = _touching(self._extents[:, 0], self._extents[:, 1], start, end)
        for begin, stop in self._extents[first:last].tolist():
            yield max(begin, start), min(stop, end)


def _touching(
    starts: "NDArray[np.int64]", ends: "NDArray[np.int64]", offset: int, end: int
) -> tuple[int, int]:
    """Which of the ranges share a byte with [offset, end)."""
    if end <= offset:
        return 0, 0
    return int(ends.searchsorted(offset, "right")), int(starts.searchsorted(end, "left"))


def _inflated(data: bytes, most: int) -> bytes | None:
    """The data decompressed; None if they are damaged, or are more than `most` bytes."""
    decompressor = zlib.decompressobj()
    try:
        found = decompressor.decompress(data, most + 1)
    except zlib.error:
        return None
    return found if decompressor.eof and len(found) <= most else None


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ValueError(value)
    return value


def _damaged(what: str, offset: int) -> FormatError:
    return FormatError(f"{what}: the metadump is damaged", offset=offset, path=f"/metadump/{what}")
