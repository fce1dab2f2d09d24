"""Pages of a block in the records of a stream without mapped-ram."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from threading import local
from typing import TYPE_CHECKING

from mappedram.errors import FormatError, TruncatedError
from mappedram.format.constants import (
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_MASK,
)
from mappedram.format.ram import compressed_max
from mappedram.io.source import Source
from mappedram.printable import plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

#: Bytes of the file that are read at once, including records.
_WINDOW = 1 << 20
#: Place of a page of zeros.
ZERO = 0
#: Added to the place of a compressed page; no file is that long.
COMPRESSED = 1 << 62
#: Bytes of the word before the bytes of a page.
_WORD = 8
#: Bytes of the length before a zlib stream.
_LENGTH = 4
#: ULEB128 in a difference: maximum number of bytes, and the continuation bit.
_ULEB128_MAX, _MORE = 2, 0x80
_COMPRESSED_PATH = "page_record/compressed"
_rooms = local()


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """A page that XBZRLE records change: `base`, its previous place, and the differences in order.

    Each difference is the offset of its bytes in the file; its length is the `be16` before them.
    `base` is as in `RecordedPages.places`.
    """

    base: int
    differences: "NDArray[np.int64]"


@dataclass(frozen=True, slots=True, eq=False)
class RecordedPages:
    """The last record of each page of one block; a page without a record is zero.

    Attributes:
        page_size: size of a page in bytes.
        pages: page numbers, ascending, each once.
        places: for each page, the offset of its bytes in the file; `COMPRESSED` plus the offset of
            its zlib stream, whose length is the `be32` before it; `ZERO` for a page of zeros; or
            -1 - n for a page that entry n of `deltas` makes.
        deltas: pages that are stored as differences.
        told_to: all pages below this have had a record, including pages of zeros that are not in
            `pages`.
    """

    page_size: int
    pages: "NDArray[np.int64]"
    places: "NDArray[np.int64]"
    deltas: tuple[Delta, ...]
    told_to: int = 0

    @property
    def told(self) -> bool:
        """Whether any page has had a record."""
        return bool(self.told_to or len(self.pages))

    def sent(self) -> "Runs":
        """The runs of pages that are known to have a record."""
        import numpy as np

        later = _runs(self.pages[self.pages >= self.told_to])
        if not self.told_to:
            return later
        if len(later) and later[0, 0] == self.told_to:
            return np.concatenate(([[0, later[0, 1]]], later[1:]))
        return np.concatenate(([[0, self.told_to]], later))

    def runs(self) -> "Runs":
        """The runs of pages that are not zero; int64 array of shape (n, 2)."""
        return _runs(self.pages[self.places != ZERO])

    def zero_runs(self) -> "Runs":
        """The runs of pages that have a record and are zero."""
        return _runs(self.pages[self.places == ZERO])

    def extents(self) -> "Runs":
        """The part of the file with all pages that are not zero, as one run; with other records."""
        import numpy as np

        places = self.places[self.places > 0].astype(np.int64)
        if not len(places):
            return np.empty((0, 2), np.int64)
        places[places >= COMPRESSED] -= COMPRESSED
        end = int(places.max()) + compressed_max(self.page_size)
        return np.array([[int(places.min()) - _LENGTH, end]], np.int64)

    def encoded(self) -> "RecordedPages":
        """Only the pages that are compressed or stored as differences."""
        made = (self.places < 0) | (self.places >= COMPRESSED)
        return replace(self, pages=self.pages[made], places=self.places[made])

    def place(self, page: int) -> int | None:
        """Where in the file the bytes of a page stand; None where they do not, as they are."""
        index = int(self.pages.searchsorted(page))
        if index == len(self.pages) or int(self.pages[index]) != page:
            return None
        place = int(self.places[index])
        return place if 0 < place < COMPRESSED else None

    def read(self, source: Source, first: int, view: memoryview) -> None:
        """Fill `view`, which must be all zeros, with whole pages from page `first` on.

        Raises:
            TruncatedError: the file ends before a page.
            FormatError: a difference cannot be applied, or a zlib stream does not hold one page.
        """
        import numpy as np

        count = len(view) // self.page_size
        target = np.frombuffer(view, np.uint8).reshape(-1, self.page_size)
        # With another type, numpy would convert all page numbers of the block each time.
        bounds = np.array([first, first + count], self.pages.dtype)
        lower, upper = self.pages.searchsorted(bounds).tolist()
        for start in range(lower, upper, self.batch_size):
            pages, data = self.collect(source, start, min(start + self.batch_size, upper))
            if len(pages) and pages[-1] - pages[0] == len(pages) - 1:
                target[pages[0] - first : pages[-1] + 1 - first] = data
            else:
                target[pages - first] = data

    @property
    def batch_size(self) -> int:
        """Number of records worth collecting at once."""
        return max(1, _WINDOW // self.page_size)

    def collect(
        self, source: Source, start: int, stop: int
    ) -> "tuple[NDArray[np.int64], NDArray[np.uint8]]":
        """The nonzero pages of entries [start, stop).

        Returns:
            Their numbers, ascending, and their bytes, one row for each. The next call on the same
            thread overwrites the rows.

        Raises:
            TruncatedError: the file ends before a page.
            FormatError: a difference cannot be applied, or a zlib stream does not hold one page.
            UnsupportedError: the file is a metadump.
        """
        import numpy as np

        source.refuse_pages()
        stored = self.places[start:stop] != ZERO
        pages = self.pages[start:stop][stored].astype(np.int64)
        places = self.places[start:stop][stored]
        room = _room(stop - start, self.page_size)
        packed = places >= COMPRESSED
        plain = (places > 0) & ~packed
        self._gather(source, places[plain], room)
        if plain.all():
            return pages, room.pages[: len(pages)]
        data = np.empty((len(pages), self.page_size), np.uint8)
        data[plain] = room.pages[: int(plain.sum())]
        rows = packed.nonzero()[0]
        for index, page in self._inflate(source, places[rows] - COMPRESSED):
            data[rows[index]] = np.frombuffer(page, np.uint8)
        for index in (places < 0).nonzero()[0].tolist():
            page = self._resolve(source, self.deltas[-1 - int(places[index])])
            data[index] = np.frombuffer(page, np.uint8)
        return pages, data

    def _gather(self, source: Source, places: "NDArray[np.int64]", room: "_Room") -> None:
        """Read the pages at `places` into the first slots of `room`, many with one call."""
        import numpy as np

        if not len(places):
            return
        # Records are usually in the order of their pages. One read then brings many, and the bytes
        # between them go to unused memory.
        gaps = np.diff(places) - self.page_size
        edges = np.flatnonzero(gaps != _WORD) + 1
        views: list[memoryview] = []
        start, begun = 0, 0
        for edge in [*edges.tolist(), len(places)]:
            views += room.alternating[2 * start : 2 * edge - 1]
            gap = int(gaps[edge - 1]) if edge < len(places) else -1
            if 0 < gap <= len(room.between):
                views.append(room.between[:gap])
            elif gap != 0:
                source.fill(views, int(places[begun]))
                views, begun = [], edge
            start = edge

    def _inflate(self, source: Source, places: "NDArray[np.int64]") -> Iterator[tuple[int, bytes]]:
        """Decompress the zlib streams at `places`; yield each page with its index, in any order.

        Records are usually adjacent, so that one read brings many.
        """
        import numpy as np

        order = np.argsort(places, kind="stable")
        places = places[order]
        longest = compressed_max(self.page_size)
        start = 0
        while start < len(places):
            first = int(places[start]) - _LENGTH
            stop = int(places.searchsorted(first + _WINDOW))
            far = np.flatnonzero(np.diff(places[start:stop]) > 2 * longest)
            stop = start + int(far[0]) + 1 if len(far) else max(stop, start + 1)
            data = memoryview(source.read(first, int(places[stop - 1]) + longest - first))
            for index in range(start, stop):
                place = int(places[index])
                yield int(order[index]), inflate(data, place - first, place, self.page_size)
            start = stop

    def _inflated(self, source: Source, place: int) -> bytes:
        """The page whose zlib stream is at `place`."""
        data = source.read(place - _LENGTH, _LENGTH + compressed_max(self.page_size))
        return inflate(memoryview(data), _LENGTH, place, self.page_size)

    def _resolve(self, source: Source, delta: Delta) -> bytes:
        page = bytearray(self.page_size)
        if delta.base >= COMPRESSED:
            page[:] = self._inflated(source, delta.base - COMPRESSED)
        elif delta.base > 0:
            page[:] = source.read_exactly(delta.base, self.page_size, "page")
        for offset in delta.differences.tolist():
            length = int.from_bytes(source.peek(offset - 2, 2), "big")
            apply_xbzrle(page, source.read_exactly(offset, length, "XBZRLE difference"), offset)
        return bytes(page)


def _runs(pages: "NDArray[np.int64]") -> "Runs":
    """The runs of ascending page numbers."""
    import numpy as np

    if not len(pages):
        return np.empty((0, 2), np.int64)
    pages = pages.astype(np.int64)
    breaks = np.flatnonzero(np.diff(pages) != 1) + 1
    starts = pages[np.concatenate(([0], breaks))]
    stops = pages[np.concatenate((breaks - 1, [len(pages) - 1]))] + 1
    return np.stack((starts, stops), axis=1)


class _Room:
    """Memory for pages, and for the bytes between them in the file.

    Attributes:
        pages: one row for each page.
        alternating: each row, followed by memory for the word of the next record.
        between: memory for other bytes.
    """

    def __init__(self, count: int, page_size: int) -> None:
        import numpy as np

        self.pages = np.empty((count, page_size), np.uint8)
        self.between = memoryview(bytearray(_WINDOW))
        memory, word = self.pages.data.cast("B"), self.between[:_WORD]
        self.alternating = [
            piece
            for start in range(0, len(memory), page_size)
            for piece in (memory[start : start + page_size], word)
        ]


def _room(count: int, page_size: int) -> _Room:
    """Memory for `count` pages, which this thread reuses."""
    room: _Room | None = getattr(_rooms, "room", None)
    if room is None or len(room.pages) < count or room.pages.shape[1] != page_size:
        room = _rooms.room = _Room(count, page_size)
    return room


def first_compressed(source: Source, blocks: Mapping[str, RecordedPages]) -> int | None:
    """Offset of the first compressed page record in use; None if there is none.

    Args:
        source: the file.
        blocks: the pages of each block, by `idstr`.
    """
    found = {
        int(pages.places[compressed].min()) - COMPRESSED: idstr
        for idstr, pages in blocks.items()
        if (compressed := pages.places >= COMPRESSED).any()
    }
    if not found:
        return None
    place = min(found)
    word = place - _LENGTH - _WORD
    same = RAM_SAVE_FLAG_COMPRESS_PAGE | RAM_SAVE_FLAG_CONTINUE
    if int.from_bytes(source.peek(word, _WORD), "big") & RAM_SAVE_FLAG_MASK == same:
        return word
    return word - 1 - len(found[place])


def inflate(data: memoryview, start: int, offset: int, page_size: int) -> bytes:
    """Decompress the page whose zlib stream begins at `start` of `data`, after its length.

    Like QEMU, this ignores bytes after the end of the zlib stream. Source: QEMU
    migration/ram-compress.c, qemu_uncompress_data().

    Args:
        data: bytes of the file.
        start: start of the zlib stream in `data`.
        offset: its offset in the file, for messages.
        page_size: size of a page in bytes.

    Raises:
        TruncatedError: the file has shrunk.
        FormatError: this is not the zlib stream of one page.
    """
    length = int.from_bytes(data[start - _LENGTH : start], "big")
    if start + length > len(data):
        raise TruncatedError(
            "compressed: the file ends within the page", offset=offset, path=_COMPRESSED_PATH
        )
    stream = zlib.decompressobj()
    try:
        page = stream.decompress(data[start : start + length], page_size + 1)
    except zlib.error as error:
        raise FormatError(
            f"compressed: not a zlib stream: {error}", offset=offset, path=_COMPRESSED_PATH
        ) from error
    if len(page) == page_size and stream.eof:
        return page
    if len(page) > page_size:
        held = "more than a page"
    else:
        held = f"{plural(len(page), 'byte')} of a page" + (
            "" if stream.eof else ", and does not end"
        )
    raise FormatError(
        f"compressed: the zlib stream holds {held}",
        offset=offset,
        path=_COMPRESSED_PATH,
        expected=f"{page_size} bytes",
        actual=len(page),
    )


def apply_xbzrle(page: bytearray, encoded: bytes, offset: int) -> None:
    """Apply one difference to a page; `offset` is its place in the file, for messages.

    Runs alternate: unchanged bytes, and new bytes after their length. A length is ULEB128 of at
    most two bytes. Source: QEMU migration/xbzrle.c, xbzrle_decode_buffer().

    Raises:
        FormatError: a run has no length, or exceeds the page or the difference.
    """
    read = at = 0
    while read < len(encoded):
        same, read = _length(encoded, read, offset)
        if same == 0 and at:
            raise FormatError("XBZRLE: an empty run of equal bytes", offset=offset + read)
        new, read = _length(encoded, read, offset)
        at += same
        if new == 0 or at + new > len(page) or read + new > len(encoded):
            raise FormatError("XBZRLE: a run of new bytes does not fit", offset=offset + read)
        page[at : at + new] = encoded[read : read + new]
        at, read = at + new, read + new


def _length(encoded: bytes, read: int, offset: int) -> tuple[int, int]:
    """The length at `read`, and its end."""
    part = encoded[read : read + _ULEB128_MAX]
    if part and part[0] < _MORE:
        return part[0], read + 1
    if len(part) < _ULEB128_MAX:
        raise TruncatedError("XBZRLE: the difference ends within a length", offset=offset + read)
    if part[1] >= _MORE:
        raise FormatError("XBZRLE: a length of more than two bytes", offset=offset + read)
    return part[0] & 0x7F | part[1] << 7, read + 2
