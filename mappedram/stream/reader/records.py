"""Page records of a stream without mapped-ram: locate all pages in one pass.

Adjacent records of one block and one kind are processed together, because their words are equally
spaced. All records of a block in a window are then stored at once.
"""

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from mappedram.errors import FormatError, TruncatedError
from mappedram.format.constants import (
    ENCODING_FLAG_XBZRLE,
    PAGE_FLAGS,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MASK,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
    TARGET_PAGE_SIZE_MAX,
    SectionType,
)
from mappedram.format.ram import compressed_max
from mappedram.io.source import Source
from mappedram.stream.page_records import COMPRESSED, ZERO, RecordedPages
from mappedram.stream.reader.record_store import RecordStore
from mappedram.stream.reader.rows import ROW_MAX, WORD, row_end, row_pattern
from mappedram.stream.reader.windows import LARGEST, Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Consumer of pages, in the order of the stream; many PAGE records come in one call. Arguments:
#: `idstr`, the page numbers, the start of each page in the memory, and that memory, which is
#: reused.
PageTaker = Callable[[str, "NDArray[np.int64]", "NDArray[np.int64]", memoryview], None]

#: Bytes of an XBZRLE record between its name and the difference: encoding and length.
_XBZRLE_HEADER = 3
#: Start of a COMPRESS_PAGE record with CONTINUE: its word and the length of the zlib stream.
_COMPRESSED = struct.Struct(">QI")
_LENGTH = 4
#: Maximum number of XBZRLE differences in one block: a base, plus one for so many bytes of the
#: file. In a compressed image, each takes two bytes of the file and sixteen of memory.
_DIFFERENCES_MAX, _BYTES_EACH = 1 << 20, 1 << 9
_LONGEST = WORD + 256 + _LENGTH + compressed_max(TARGET_PAGE_SIZE_MAX)
#: First bytes of what follows a section with pages: its footer, or another section but EOF.
_BEHIND_EOS = frozenset(
    (
        *(SectionType.FOOTER, SectionType.START, SectionType.PART, SectionType.END),
        *(SectionType.FULL, SectionType.COMMAND),
    )
)


class _Series(NamedTuple):
    """Equally spaced records of one block and one kind.

    Attributes:
        number: number of records.
        kind: their flags without CONTINUE.
        first: start of the first one in the window.
        body: bytes from the start of a record to its body.
        step: bytes to the start of the next record.
    """

    number: int
    kind: int
    first: int
    body: int
    step: int


class Fit(NamedTuple):
    """How a page size fits the first records.

    Attributes:
        reached: bytes of whole records.
        whole: whether it is possible for a whole file: no record exceeds its end.
        doubtful: whether an EOS ends the records, but no section follows, so that it may be a part
            of a page.
    """

    reached: int
    whole: bool
    doubtful: bool

    @property
    def rank(self) -> tuple[bool, int]:
        """The better the greater."""
        return not self.doubtful, self.reached


class PageIndex:
    """Places of the pages of all blocks, filled section by section.

    Args:
        source: the file.
        page_size: size of a target page in bytes.
        lengths: `used_length` of each block, by `idstr`.
        blocks: stores for the records of each block; if None, they are created.
        taker: consumer of the pages themselves.
    """

    def __init__(
        self,
        source: Source,
        page_size: int,
        lengths: dict[str, int],
        blocks: Mapping[str, RecordStore] | None = None,
        taker: PageTaker | None = None,
    ) -> None:
        self._source = source
        self._page_size = page_size
        differences_max = max(_DIFFERENCES_MAX, source.size // _BYTES_EACH)
        self._blocks = blocks or {
            name: RecordStore(length // page_size, differences_max)
            for name, length in lengths.items()
        }
        self._taker = taker
        self._idstr = ""
        self._current: RecordStore | None = None
        self._match = row_pattern(page_size).match
        self._steps = (RAM_SAVE_FLAG_ZERO, WORD + 1), (RAM_SAVE_FLAG_PAGE, WORD + page_size)
        self._windows = Windows(source, _LONGEST)
        #: Series that are not stored yet.
        self._series: list[_Series] = []

    @property
    def flags_mask(self) -> int:
        """Mask of the bits of a record that do not belong to an address, at most ten."""
        return RAM_SAVE_FLAG_MASK & (self._page_size - 1)

    def finish(self) -> dict[str, RecordedPages]:
        """The pages of each block, by `idstr`."""
        return {name: block.finish(self._page_size) for name, block in self._blocks.items()}

    def pass_records(self, position: int, path: str) -> int:
        """Store the records from `position` on; return the offset of EOS or another MEM_SIZE.

        Raises:
            FormatError: bytes are not a valid record.
            TruncatedError: the file ends before EOS.
        """
        # Pages are read with their records, because that takes fewer calls than skipping them.
        try:
            data = self._windows.begin(position)
            while True:
                at, ended = self._pass_window(data, position, path)
                position += at
                if ended:
                    return position
                if at == 0:
                    raise TruncatedError(
                        f"page record: the file ends at {self._source.size:#x}, within the record",
                        offset=position,
                        path=path,
                    )
                data = self._windows.advance(at)
        finally:
            self._windows.end()

    def pass_some(self, position: int, path: str) -> Fit:
        """Parse only the first records, to test the page size.

        Raises:
            FormatError: bytes are not a valid record.
        """
        data = memoryview(self._source.read(position, LARGEST))
        reached, ended = self._pass_window(data, position, path)
        end = position + reached + WORD
        doubtful = ended and end < self._source.size and not self._section_goes_on(end)
        whole = ended or position + len(data) < self._source.size
        return Fit(reached, whole and not doubtful, doubtful)

    def _section_goes_on(self, position: int) -> bool:
        """Whether a footer or another section follows an EOS; EOF is a zero byte, as pages are."""
        return self._source.peek(position, 1)[0] in _BEHIND_EOS

    def _pass_window(self, data: memoryview, base: int, path: str) -> tuple[int, bool]:
        """Store the whole records in `data`; return their end, and whether EOS follows."""
        try:
            return self._follow(data, base, path)
        finally:
            self._note_series(data, base, path)

    def _follow(self, data: memoryview, base: int, path: str) -> tuple[int, bool]:
        """Like `_pass_window`, but leave the last series to be stored later."""
        mask = self._page_size - 1
        whole = base + len(data) >= self._source.size
        at = 0
        while at + WORD <= len(data) and (whole or at + _LONGEST <= len(data)):
            if self._current is not None and (found := self._match(data, at)):
                kind, step = self._steps[found.lastindex == 1]
                end = found.end()
                if end - at == ROW_MAX * step:
                    end = row_end(data, end, kind, step, self._page_size)
                self._series.append(_Series((end - at) // step, kind, at, WORD, step))
                at = end
                continue
            if self._current is not None and (end := self._pass_compressed(data, at)) > at:
                at = end
                continue
            word = int.from_bytes(data[at : at + WORD], "big")
            flags = word & mask
            kind = flags & ~RAM_SAVE_FLAG_CONTINUE
            if kind in (RAM_SAVE_FLAG_EOS, RAM_SAVE_FLAG_MEM_SIZE):
                return at, True
            if flags == RAM_SAVE_FLAG_MULTIFD_FLUSH:
                at += WORD
                continue
            self._refuse_wrong(word, base + at, path)
            body = at + WORD
            if not flags & RAM_SAVE_FLAG_CONTINUE:
                end = body + 1 + (data[body] if body < len(data) else 0)
                if end > len(data):
                    return at, False
                self._note_series(data, base, path)
                self._enter(str(data[body + 1 : end], "latin-1"), base + body, path)
                body = end
            end = self._body_end(data, body, kind, base, path)
            if end > len(data):
                return at, False
            self._series.append(_Series(1, kind, at, body - at, end - at))
            at = end
        return at, False

    def _refuse_wrong(self, word: int, offset: int, path: str) -> None:
        """Raise an error if no page record begins with this word."""
        flags = word & (self._page_size - 1)
        if flags & ~RAM_SAVE_FLAG_CONTINUE not in PAGE_FLAGS:
            raise FormatError(
                f"page record: unknown flags {flags:#x}",
                offset=offset,
                path=f"{path}/addr_and_flags",
                expected="ZERO, PAGE, XBZRLE, COMPRESS_PAGE, MULTIFD_FLUSH or EOS",
                actual=word,
            )
        if flags & RAM_SAVE_FLAG_CONTINUE and self._current is None:
            raise FormatError(
                "page record: CONTINUE before the first block name",
                offset=offset,
                path=f"{path}/addr_and_flags",
            )

    def _pass_compressed(self, data: memoryview, at: int) -> int:
        """Collect a row of COMPRESS_PAGE records with CONTINUE; return its end.

        It also ends before a wrong or incomplete record.
        """
        wanted = RAM_SAVE_FLAG_COMPRESS_PAGE | RAM_SAVE_FLAG_CONTINUE
        mask, longest = self._page_size - 1, compressed_max(self._page_size)
        body, last = _COMPRESSED.size, len(data) - _COMPRESSED.size
        read, note = _COMPRESSED.unpack_from, self._series.append
        while at <= last:
            word, length = read(data, at)
            end = at + body + length
            if word & mask != wanted or length > longest or end > len(data):
                break
            note(_Series(1, RAM_SAVE_FLAG_COMPRESS_PAGE, at, WORD, end - at))
            at = end
        return at

    def _enter(self, idstr: str, offset: int, path: str) -> None:
        if idstr not in self._blocks:
            raise FormatError(
                f"page record: no block {idstr!r}",
                offset=offset,
                path=f"{path}/idstr",
                actual=idstr,
            )
        self._idstr, self._current = idstr, self._blocks[idstr]

    def _body_end(self, data: memoryview, body: int, kind: int, base: int, path: str) -> int:
        """End of a record whose name, if any, ends at `body`."""
        if kind == RAM_SAVE_FLAG_PAGE:
            return body + self._page_size
        if kind == RAM_SAVE_FLAG_COMPRESS_PAGE:
            return self._compressed_end(data, body, base, path)
        if kind == RAM_SAVE_FLAG_ZERO:
            if bytes(data[body : body + 1]) not in (b"", b"\0"):
                raise _wrong_byte("fill", 0, data[body], base + body, f"{path}/fill")
            return body + 1
        if bytes(data[body : body + 1]) not in (b"", bytes([ENCODING_FLAG_XBZRLE])):
            where = f"{path}/xbzrle/encoding"
            raise _wrong_byte("encoding", ENCODING_FLAG_XBZRLE, data[body], base + body, where)
        return body + _XBZRLE_HEADER + int.from_bytes(data[body + 1 : body + 3], "big")

    def _compressed_end(self, data: memoryview, body: int, base: int, path: str) -> int:
        """End of a COMPRESS_PAGE record whose name, if any, ends at `body`."""
        length = int.from_bytes(data[body : body + _LENGTH], "big")
        longest = compressed_max(self._page_size)
        if body + _LENGTH <= len(data) and length > longest:
            raise FormatError(
                f"len_compressed: expected at most {longest:#x}, got {length:#x}",
                offset=base + body,
                path=f"{path}/len_compressed",
                expected=f"<= {longest:#x}",
                actual=length,
            )
        return body + _LENGTH + length

    def _note_series(self, data: memoryview, base: int, path: str) -> None:
        """Store the pending series, all of them records of the current block."""
        import numpy as np

        series, self._series = self._series, []
        if not series or self._current is None:
            return
        counts, kinds, firsts, bodies, steps = np.array(series, np.int64).T
        before = np.cumsum(counts) - counts
        records = np.arange(counts.sum())
        records *= steps.repeat(counts)
        records += (firsts - before * steps).repeat(counts)
        kinds, bodies = kinds.repeat(counts), records + bodies.repeat(counts)
        words = np.ndarray((len(data) - WORD + 1,), ">u8", data, 0, (1,))
        numbers = words[records].astype(np.uint64)
        numbers >>= np.uint64(self._page_size.bit_length() - 1)
        outside = numbers >= np.uint64(self._current.num_pages)
        if outside.any():
            which = int(outside.argmax())
            raise FormatError(
                f"page record: page {int(numbers[which])} is outside of its block of"
                f" {self._current.num_pages} pages",
                offset=base + int(records[which]),
                path=f"{path}/addr_and_flags",
            )
        pages = numbers.view(np.int64)
        if self._taker:
            plain = kinds == RAM_SAVE_FLAG_PAGE
            self._taker(self._idstr, pages[plain], bodies[plain], data)
        places = bodies + base
        differences = kinds == RAM_SAVE_FLAG_XBZRLE
        places[differences] = -places[differences] - _XBZRLE_HEADER
        places[kinds == RAM_SAVE_FLAG_ZERO] = ZERO
        places[kinds == RAM_SAVE_FLAG_COMPRESS_PAGE] += COMPRESSED + _LENGTH
        self._current.add(pages, places)


def _wrong_byte(name: str, expected: int, actual: int, offset: int, path: str) -> FormatError:
    """A field of one byte, which has to be `expected`, is another one."""
    message = f"{name}: expected {expected}, got {actual:#x}"
    return FormatError(message, offset=offset, path=path, expected=str(expected), actual=actual)
