"""A packed file, read as if it were the file that it was made of.

`mappedram metadump` writes them (docs/metadump.md has the layout). Size and holes are those of the
file that was packed; what was not kept reads as zeros. Nothing here knows what the bytes mean.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format.metadump import MAGIC, VERSION, MetadumpHeader
from mappedram.io.metadump.layer import (
    NUMBER_MAX,
    Chunks,
    Layer,
    Marks,
    Table,
    damaged,
    inflated,
    touching,
)
from mappedram.io.spans import without
from mappedram.json_types import Json

HEADER_SIZE: int = MetadumpHeader.sizeof()
#: Bytes of a directory when it is decompressed.
DIRECTORY_MAX = 16 << 20
#: Numbers in all tables together; a run takes two. A hostile file can claim as many.
NUMBERS_MAX = 1 << 22
#: Tables, and the columns of each. Rows are ascending, and no two overlap.
TABLES = {
    "extents": ("start", "end"),
    "pieces": ("first", "width", "step", "count"),
    "pages": ("first", "width", "step", "count"),
    "contents": ("start", "end"),
    "digests": ("start", "end"),
}


class Packed:
    """An open packed file.

    Args:
        stored: brings at most so many bytes of the packed file, at an offset.
        size: bytes of the packed file.

    Attributes:
        size: bytes of the file that was packed.
        has_digests: whether digests stand for pages; else marks do, or nothing.
        is_device: whether that was a block device.
        summary: what was kept and what was not, as whoever packed it says.

    Raises:
        TruncatedError: the packed file ends before its directory does.
        FormatError: it is damaged.
        UnsupportedError: it has a version that this release does not read.
    """

    def __init__(self, stored: Callable[[int, int], bytes], size: int) -> None:
        self._bring = stored
        self._file_size = size
        header = MetadumpHeader.parse(self._stored(0, HEADER_SIZE, "header"))
        if header.version != VERSION:
            raise UnsupportedError(
                f"version: expected {VERSION}, got {header.version}",
                offset=len(MAGIC),
                path="/metadump/version",
            )
        offset = header.directory_offset
        directory = self._directory(offset, header.directory_length)
        try:
            self.size = _count(directory["size"])
            self.has_digests = bool(directory["has_digests"])
            self.is_device = bool(directory.get("is_device", False))
            self.summary: Mapping[str, Json] = dict(directory["summary"])
            places = {
                name: _Place(*(_count(number) for number in directory["tables"][name]))
                for name in TABLES
            }
            numbers = sum(place.rows * len(TABLES[name]) for name, place in places.items())
        except (KeyError, TypeError, ValueError) as error:
            raise damaged("directory", offset) from error
        if numbers > NUMBERS_MAX:
            raise damaged("directory", offset)
        self._extents = self._ranges("extents", places["extents"])
        contents, digests = (self._ranges(name, places[name]) for name in ("contents", "digests"))
        self._pieces = self._layer(
            "pieces", places["pieces"], Chunks(self._stored, "contents", contents)
        )
        held = Chunks(self._stored, "digests", digests) if self.has_digests else Marks()
        self._pages = self._layer("pages", places["pages"], held)

    # What is stored.

    def _stored(self, offset: int, length: int, what: str) -> bytes:
        if offset + length > self._file_size:
            raise TruncatedError(
                f"{what}: the metadump ends at {self._file_size:#x}, before {offset + length:#x}",
                offset=offset,
                path=f"/metadump/{what}",
            )
        data = self._bring(length, offset)
        if len(data) < length:
            raise TruncatedError(
                f"{what}: the metadump has shrunk while it was read",
                offset=offset,
                path=f"/metadump/{what}",
            )
        return data

    def _directory(self, offset: int, length: int) -> dict[str, Any]:
        if length > DIRECTORY_MAX:
            raise damaged("directory", offset)
        try:
            directory = json.loads(
                inflated(
                    self._stored(offset, length, "directory"), DIRECTORY_MAX, "directory", offset
                )
            )
        except (ValueError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise damaged("directory", offset) from error
        if not isinstance(directory, dict):
            raise damaged("directory", offset)
        return directory

    def _table(self, name: str, place: "_Place") -> Table:
        """The columns of a table, whose numbers are stored as differences to the one before."""
        import numpy as np

        shape = len(TABLES[name]), place.rows
        size = shape[0] * shape[1] * 8
        stored = self._stored(place.offset, place.length, name)
        data = inflated(stored, size, name, place.offset)
        if len(data) != size:
            raise damaged(name, place.offset)
        table = np.cumsum(np.frombuffer(data, "<i8").reshape(shape), axis=1, dtype=np.int64)
        if (table < 0).any() or (table > NUMBER_MAX).any():
            raise damaged(name, place.offset)
        return table

    def _ranges(self, name: str, place: "_Place") -> Table:
        table = self._table(name, place)
        starts, ends = table
        if (ends < starts).any() or (starts[1:] < ends[:-1]).any():
            raise damaged(name, place.offset)
        return table

    def _layer(self, name: str, place: "_Place", held: Chunks | Marks) -> Layer:
        layer = Layer(self._table(name, place), held)
        if not layer.is_sound(self.size):
            raise damaged(name, place.offset)
        return layer

    # The file that was packed.

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only where the file ends."""
        data = bytearray(max(0, min(length, self.size - offset)))
        self._pieces.put(data, offset)
        self._pages.put(data, offset)
        return bytes(data)

    def left_out(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were data and were not kept.

        Of a page for which a digest or a mark stands, nothing was kept.
        """
        return without(self.extents(start, end), self._pieces.spans(start, end))

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were not holes, as half-open ranges of offsets."""
        starts, ends = self._extents
        first, last = touching(starts, ends, start, end)
        for begin, stop in self._extents[:, first:last].T.tolist():
            yield max(begin, start), min(stop, end)


class _Place(NamedTuple):
    """Where a table is stored, and its number of rows."""

    offset: int
    length: int
    rows: int


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= NUMBER_MAX:
        raise ValueError(value)
    return value
