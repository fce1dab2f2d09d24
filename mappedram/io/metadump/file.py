"""A packed file, read as if it were the original file.

`mappedram metadump` writes them (docs/metadump.md has the layout). Size and holes are those of the
original; bytes that were not kept read as zeros. Nothing here interprets the contents.
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
#: Maximum size of the decompressed directory, in bytes.
DIRECTORY_MAX = 16 << 20
#: Maximum number of values in all tables together; a run takes two. A hostile file may reach it.
NUMBERS_MAX = 1 << 22
#: Tables and their columns. Rows are ascending and do not overlap.
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
        stored: reads up to `length` bytes of the packed file at `offset`, in this order.
        size: bytes of the packed file.

    Attributes:
        size: bytes of the original file.
        has_digests: whether digests represent pages; otherwise marks do, or nothing.
        is_device: as for a source, of the original.
        recycled: as for a source, of the original.
        summary: what was kept and left out, as the packer recorded it.

    Raises:
        TruncatedError: the packed file ends before its directory does.
        FormatError: it is damaged.
        UnsupportedError: this release does not read its version.
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
            self.recycled = bool(directory.get("recycled", False))
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

    # The packed file.

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
                f"{what}: the metadump shrank while it was read",
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
        """The columns of a table; each number is stored as the difference from the previous one."""
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

    # The original file.

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only at the end of the file."""
        data = bytearray(max(0, min(length, self.size - offset)))
        self._pieces.put(data, offset)
        self._pages.put(data, offset)
        return bytes(data)

    def left_out(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were data and were not kept.

        Nothing was kept of a page that a digest or a mark represents.
        """
        return without(self.extents(start, end), self._pieces.spans(start, end))

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that were not holes, as half-open ranges of offsets."""
        starts, ends = self._extents
        first, last = touching(starts, ends, start, end)
        for begin, stop in self._extents[:, first:last].T.tolist():
            yield max(begin, start), min(stop, end)


class _Place(NamedTuple):
    """Offset and size of a stored table, and its number of rows."""

    offset: int
    length: int
    rows: int


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= NUMBER_MAX:
        raise ValueError(value)
    return value
