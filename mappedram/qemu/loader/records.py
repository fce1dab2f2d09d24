"""The page records of a stream without mapped-ram as QEMU loads them, many at a time.

The rows of `mappedram.stream.reader.rows` find where records end; this module decides which are
refused.

Source: QEMU migration/ram.c, ram_load_precopy(), ram_block_from_stream(), load_xbzrle();
migration/xbzrle.c, xbzrle_decode_buffer(); of 9.0, migration/ram-compress.c.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mappedram.format.constants import (
    ENCODING_FLAG_XBZRLE,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
    TARGET_PAGE_SIZE_MAX,
)
from mappedram.format.ram import compressed_max
from mappedram.io.source import Source
from mappedram.qemu.loader.delivered_pages import Delivered
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.qemu_file import as_int, c_string
from mappedram.qemu.loader.xbzrle import undecodable
from mappedram.stream.page_records import COMPRESSED, ZERO
from mappedram.stream.reader.rows import ROW_MAX, WORD, row_end, row_pattern
from mappedram.stream.reader.windows import Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Records of RDMA, which have no effect in a file. Source: QEMU migration/rdma.c.
RAM_SAVE_FLAG_HOOK = 0x80
#: Records of one word that QEMU skips as long as it has no channels for them.
IDLE_FLAGS = (RAM_SAVE_FLAG_HOOK, RAM_SAVE_FLAG_MULTIFD_FLUSH)
#: Flags for which the loader looks up a block, whatever else is set.
PAGED_FLAGS = RAM_SAVE_FLAG_ZERO | RAM_SAVE_FLAG_PAGE | RAM_SAVE_FLAG_XBZRLE

#: Flags that end the records.
_NEXT_FLAGS = (RAM_SAVE_FLAG_EOS, RAM_SAVE_FLAG_MEM_SIZE)

#: Bytes of the length before a zlib stream, and of the header before a difference.
_LENGTH = 4
_XBZRLE_HEADER = 3
#: Kind of a record of which only the address is checked.
_ADDRESS = 0
#: The longest record of any kind.
_LONGEST = WORD + 256 + _LENGTH + compressed_max(TARGET_PAGE_SIZE_MAX)


class Blocks(NamedTuple):
    """The local blocks that page records can name.

    Attributes:
        lengths: `used_length` of each, by `idstr`.
        ignored: those that are in shared files with `x-ignore-shared`.
    """

    lengths: dict[str, int]
    ignored: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive page records, and everything that their result depends on.

    Attributes:
        position: where the first one begins.
        page_size: bytes of a local page.
        blocks: the local blocks.
        current: block of the record before; None if there was none.
        compress: whether COMPRESS_PAGE is known; None to end before the first one.
    """

    position: int
    page_size: int
    blocks: Blocks
    current: str | None
    compress: bool | None

    def looks_up(self, flags: int) -> bool:
        """Whether the loader looks up the block of a record with these flags."""
        compress = RAM_SAVE_FLAG_COMPRESS_PAGE if self.compress else 0
        return bool(flags & (PAGED_FLAGS | compress))

    def has(self, flags: int) -> bool:
        """Whether a record with these flags belongs to a stretch."""
        if flags & RAM_SAVE_FLAG_COMPRESS_PAGE and self.compress is None:
            return False
        return self.looks_up(flags) or flags & ~RAM_SAVE_FLAG_CONTINUE in IDLE_FLAGS


class PassedRecords(NamedTuple):
    """Result of a stretch.

    Attributes:
        end: first byte behind its records.
        current: block of its last record.
        cut_at: start of the record that the end of the file cuts; None if there is none.
    """

    end: int
    current: str | None
    cut_at: int | None = None


class _Series(NamedTuple):
    """Records of one block and one kind, at equal distances.

    Attributes:
        number: how many.
        kind: its flags without CONTINUE.
        first: where in the window the first one begins.
        body: bytes from the beginning of a record to that of its body.
        step: bytes to the beginning of the next record.
    """

    number: int
    kind: int
    first: int
    body: int
    step: int


class _CutError(Exception):
    """The file ends within a record that is right so far.

    Args:
        at: where the record begins.
    """

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class RecordLoader:
    """Skips page records of one file.

    Args:
        source: the file.
        delivered: receives the pages that the records deliver, and their places.
    """

    def __init__(self, source: Source, delivered: Delivered) -> None:
        self._source = source
        self._delivered = delivered
        self._windows = Windows(source, _LONGEST)
        #: Offset of the last window, if nothing was read behind it.
        self._base = 0
        self._window = memoryview(b"")

    def pass_all(self, stretch: Stretch) -> PassedRecords:
        """Skip a stretch to its end.

        Raises:
            EndedError: the loader refuses a record.
        """
        scan = _Scan(self._source, stretch, self._delivered)
        position = stretch.position
        try:
            data, before = self._begin(position)
            while True:
                at, ended = scan.window(data, position)
                position += at
                if ended:
                    return PassedRecords(position, scan.current)
                data, before = self._windows.advance(before + at), 0
                self._window = memoryview(b"")
        except _CutError as cut:
            return PassedRecords(self._source.size, scan.current, cut.at)
        finally:
            self._windows.end()

    def _begin(self, position: int) -> tuple[memoryview, int]:
        """Read a window at `position`; also return how many bytes come before the position.

        Stretches may be short, and as many as there are records: they share windows.
        """
        before = position - self._base
        end = self._base + len(self._window)
        if not 0 <= before <= len(self._window) - _LONGEST and not (
            0 <= before < len(self._window) and end == self._source.size
        ):
            self._base, before = position, 0
            self._window = self._windows.begin(position)
        return self._window[before:], before


def try_out(source: Source, stretch: Stretch, length: int) -> PassedRecords | None:
    """Result of the first bytes of a stretch, without noting its pages.

    Args:
        source: the file.
        stretch: where to begin.
        length: how many bytes.

    Returns:
        None if the loader refuses a record, or the word behind the last record.
    """
    scan = _Scan(source, stretch, Delivered(source, keep=False))
    data = memoryview(source.read(stretch.position, length))
    try:
        at, ended = scan.window(data, stretch.position)
    except EndedError:
        return None
    except _CutError as cut:
        return PassedRecords(source.size, scan.current, cut.at)
    word = data[at : at + WORD]
    flags = int.from_bytes(word, "big") & (stretch.page_size - 1)
    if ended and len(word) == WORD and flags & ~RAM_SAVE_FLAG_CONTINUE not in _NEXT_FLAGS:
        return None
    return PassedRecords(stretch.position + at, scan.current)


class _Scan:
    """A stretch while it is read."""

    def __init__(self, source: Source, stretch: Stretch, delivered: Delivered) -> None:
        self._source = source
        self._stretch = stretch
        self._delivered = delivered
        self._page_size = stretch.page_size
        self.current = stretch.current
        self._match = row_pattern(stretch.page_size).match
        self._steps = (
            (RAM_SAVE_FLAG_ZERO, WORD + 1),
            (RAM_SAVE_FLAG_PAGE, WORD + stretch.page_size),
        )
        self._bodies: dict[int, Callable[[memoryview, int], int]] = {
            RAM_SAVE_FLAG_ZERO: self._zero,
            RAM_SAVE_FLAG_PAGE: lambda _, start: start + stretch.page_size,
            RAM_SAVE_FLAG_XBZRLE: self._xbzrle,
        }
        if stretch.compress:
            self._bodies[RAM_SAVE_FLAG_COMPRESS_PAGE] = self._compressed
        #: Records of the current block in the window that are not judged yet.
        self._series: list[_Series] = []
        #: File offset of the window.
        self._base = 0

    def window(self, data: memoryview, base: int) -> tuple[int, bool]:
        """Skip the complete records in `data`; return their end, and whether the stretch ends.

        Raises:
            EndedError: a record is refused.
            _CutError: the file ends within a record.
        """
        self._base = base
        try:
            return self._follow(data)
        finally:  # a waiting record may be wrong, and comes first
            self._judge(data)

    def _follow(self, data: memoryview) -> tuple[int, bool]:
        mask = self._page_size - 1
        whole = self._base + len(data) >= self._source.size
        at = 0
        while at + WORD <= len(data) and (whole or at + _LONGEST <= len(data)):
            if self.current is not None and (found := self._match(data, at)):
                kind, step = self._steps[found.lastindex == 1]
                end = found.end()
                if end - at == ROW_MAX * step:
                    end = row_end(data, end, kind, step, self._page_size)
                self._series.append(_Series((end - at) // step, kind, at, WORD, step))
                at = end
                continue
            flags = int.from_bytes(data[at : at + WORD], "big") & mask
            if not self._stretch.has(flags):
                return at, True
            if self._stretch.looks_up(flags):
                at = self._record(data, at, flags)
            else:
                at += WORD
        return at, whole

    def _record(self, data: memoryview, at: int, flags: int) -> int:
        """Skip a record with a page; return its end."""
        body = at + WORD
        if not flags & RAM_SAVE_FLAG_CONTINUE:
            body = self._enter(data, body)
        elif self.current is None:
            raise EndedError("record-before-block", at=self._base + at)
        kind = flags & ~RAM_SAVE_FLAG_CONTINUE
        # The loader checks the address first, whatever is wrong with the rest.
        self._series.append(_Series(1, _ADDRESS, at, body - at, 0))
        if kind not in self._bodies:
            raise EndedError("ram-flags", at=self._base + at, flags=flags)
        end = self._bodies[kind](data, body)
        if end > len(data):
            raise _CutError(self._base + at)
        self._series[-1] = _Series(1, kind, at, body - at, 0)
        return end

    def _enter(self, data: memoryview, start: int) -> int:
        """Look up the block of that name; return the end of the name."""
        end = start + 1 + int.from_bytes(data[start : start + 1], "big")
        idstr, cut = c_string(bytes(data[start + 1 : end])), end > len(data)
        self._judge(data)
        at = self._base + start + 1
        if cut or idstr not in self._stretch.blocks.lengths:
            raise EndedError("record-block", at=at, cut=cut, idstr=idstr)
        if idstr in self._stretch.blocks.ignored:
            raise EndedError("record-ignored", at=at, idstr=idstr)
        self.current = idstr
        return end

    # End of a record, by the start of its body.

    def _zero(self, data: memoryview, start: int) -> int:
        fill = int.from_bytes(data[start : start + 1], "big")
        if fill:
            raise EndedError("record-fill", at=self._base + start, value=fill)
        return start + 1

    def _xbzrle(self, data: memoryview, start: int) -> int:
        header = bytes(data[start : start + _XBZRLE_HEADER])
        cut = len(header) < _XBZRLE_HEADER
        encoding, length = header[:1], int.from_bytes(header[1:].ljust(2, b"\0"), "big")
        if encoding != bytes([ENCODING_FLAG_XBZRLE]):
            raise EndedError("xbzrle-encoding", at=self._base + start, cut=cut)
        if length > self._page_size:
            raise EndedError("xbzrle-length", at=self._base + start + 1, cut=cut)
        end = start + _XBZRLE_HEADER + length
        if end > len(data) and length:
            # QEMU decodes the old contents of its buffer for the bytes missing in the file.
            raise EndedError("xbzrle-cut", at=self._base + start + _XBZRLE_HEADER)
        return end

    def _compressed(self, data: memoryview, start: int) -> int:
        found = bytes(data[start : start + _LENGTH])
        length = int.from_bytes(found.ljust(_LENGTH, b"\0"), "big")
        if length > _compress_bound(self._page_size):
            # zlib-ng allows more than zlib does.
            certain = length > compressed_max(self._page_size)
            raise EndedError(
                "compressed-length",
                at=self._base + start,
                cut=len(found) < _LENGTH,
                certain=certain,
                length=as_int(length),
            )
        return start + _LENGTH + length

    # Records that wait for judgement.

    def _judge(self, data: memoryview) -> None:
        """Judge the waiting records, and note their pages."""
        import numpy as np

        series, self._series = self._series, []
        if not series or self.current is None:
            return
        counts, kinds, firsts, bodies, steps = np.array(series, np.int64).T
        before = np.cumsum(counts) - counts
        records = np.arange(counts.sum())
        records *= steps.repeat(counts)
        records += (firsts - before * steps).repeat(counts)
        kinds, bodies = kinds.repeat(counts), records + bodies.repeat(counts)
        words = np.ndarray((len(data) - WORD + 1,), ">u8", data, 0, (1,))
        addresses = words[records].astype(np.uint64) & ~np.uint64(self._page_size - 1)
        length = self._stretch.blocks.lengths[self.current]
        outside = addresses >= np.uint64(length)
        first = int(outside.argmax()) if outside.any() else len(records)
        self._decode(data, kinds[:first], bodies[:first])
        if first < len(records):
            at = self._base + int(records[first])
            raise EndedError("record-outside", at=at, offset=int(addresses[first]))
        places = bodies + self._base
        differences = kinds == RAM_SAVE_FLAG_XBZRLE
        places[differences] = -places[differences] - _XBZRLE_HEADER
        places[kinds == RAM_SAVE_FLAG_ZERO] = ZERO
        places[kinds == RAM_SAVE_FLAG_COMPRESS_PAGE] += COMPRESSED + _LENGTH
        pages = (addresses // np.uint64(self._page_size)).view(np.int64)
        self._delivered.add(self.current, length // self._page_size, pages, places)

    def _decode(
        self, data: memoryview, kinds: "NDArray[np.int64]", bodies: "NDArray[np.int64]"
    ) -> None:
        """Refuse the first record whose body cannot be decoded."""
        if self._source.packed:  # a packed source leaves out their contents
            return
        differences = (kinds == RAM_SAVE_FLAG_XBZRLE).nonzero()[0]
        packed = (kinds == RAM_SAVE_FLAG_COMPRESS_PAGE).nonzero()[0]
        wrong = len(kinds)
        if len(differences):
            bad = undecodable(data, bodies[differences] + 1, self._page_size)
            wrong = int(differences[bad.argmax()]) if bad.any() else wrong
        for index in packed[packed < wrong].tolist():
            if not self._inflates(data, int(bodies[index])):
                raise EndedError("compressed-decode", at=self._base + int(bodies[index]) + _LENGTH)
        if wrong < len(kinds):
            at = self._base + int(bodies[wrong]) + _XBZRLE_HEADER
            raise EndedError("xbzrle-decode", at=at)

    def _inflates(self, data: memoryview, start: int) -> bool:
        """Whether a zlib stream ends within a page. Source: qemu_uncompress_data()."""
        length = int.from_bytes(data[start : start + _LENGTH], "big")
        body = data[start + _LENGTH : start + _LENGTH + length]
        stream = zlib.decompressobj()
        try:
            page = stream.decompress(body, self._page_size + 1)
        except zlib.error:
            return False
        if stream.eof and len(page) < self._page_size:
            self._delivered.has_short_page = True
        return stream.eof and len(page) <= self._page_size


def _compress_bound(size: int) -> int:
    """Largest size of a zlib stream. Source: zlib, compressBound()."""
    return size + (size >> 12) + (size >> 14) + (size >> 25) + 13
