"""The page records of a stream without mapped-ram: one pass that notes where each page stands.

Records that follow each other in one block and of one kind are taken together: their words lie at
equal distances, and numpy looks at a thousand of them at once.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mappedram.errors import FormatError, TruncatedError
from mappedram.layout.constants import (
    ENCODING_FLAG_XBZRLE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
)
from mappedram.reader.noted import NotedRecords
from mappedram.scattered import ZERO, ScatteredPages
from mappedram.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = 8
#: Bytes of an XBZRLE record between its name and the difference: encoding and length.
_XBZRLE_HEADER = 3
#: Bytes that are looked at together; the longest record, of 64 KiB, has to fit.
_WINDOW = 1 << 20
#: Records that are tried first; only a longer series is worth looking at the whole window.
_FEW = 64
#: XBZRLE differences that may count in one block, and for how many bytes of the file one more may.
#: Compressed, each takes two bytes of a file and sixteen of memory.
_DIFFERENCES_MAX, _BYTES_EACH = 1 << 20, 1 << 9
_LONGEST = _WORD + 256 + (1 << 16)


class PageIndex:
    """Where the pages of all blocks stand. Filled section by section.

    Args:
        source: the file.
        page_size: size of a target page in bytes.
        lengths: `used_length` of each block, by `idstr`.
        blocks: what takes the records of each block, where they are not to be kept.
    """

    def __init__(
        self,
        source: Source,
        page_size: int,
        lengths: dict[str, int],
        blocks: Mapping[str, NotedRecords] | None = None,
    ) -> None:
        self._source = source
        self._page_size = page_size
        differences_max = max(_DIFFERENCES_MAX, source.size // _BYTES_EACH)
        self._blocks = blocks or {
            name: NotedRecords(length // page_size, differences_max)
            for name, length in lengths.items()
        }
        self._current: NotedRecords | None = None
        #: What has not been noted yet: words, kind, offsets of the first record and its body, and
        #: the distance to the next.
        self._series: list[tuple[NDArray[np.uint64], int, int, int, int]] = []

    def finish(self) -> dict[str, ScatteredPages]:
        """The pages of each block, by `idstr`."""
        return {name: block.finish(self._page_size) for name, block in self._blocks.items()}

    def pass_records(self, position: int, path: str) -> int:
        """Note the records from `position` on; say where the EOS, or another MEM_SIZE, stands.

        Raises:
            FormatError: a record cannot be one.
            TruncatedError: the file ends before EOS.
        """
        # Pages are read with their records, since that takes fewer calls than to pass them.
        with memoryview(bytearray(min(_WINDOW, self._source.size))) as window:
            return self._pass_windows(window, position, path)

    def _pass_windows(self, window: memoryview, position: int, path: str) -> int:
        while True:
            with window[: max(0, self._source.size - position)] as data:
                self._source.fill([data], position)
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

    def pass_some(self, position: int, path: str) -> None:
        """Note the first records only, to see whether the page size can be right.

        Raises:
            FormatError: a record cannot be one.
        """
        data = memoryview(self._source.read(position, _WINDOW))
        self._pass_window(data, position, path)

    def _pass_window(self, data: memoryview, base: int, path: str) -> tuple[int, bool]:
        """Note the whole records in `data`; say how far they reach, and whether EOS follows."""
        try:
            return self._follow(data, base, path)
        finally:
            self._note_series(path)

    def _follow(self, data: memoryview, base: int, path: str) -> tuple[int, bool]:
        """Like `_pass_window`, but what is found waits to be noted."""
        import numpy as np

        mask = self._page_size - 1
        whole = base + len(data) >= self._source.size
        at = 0
        while at + _WORD <= len(data) and (whole or at + _LONGEST <= len(data)):
            word = int.from_bytes(data[at : at + _WORD], "big")
            flags, address = word & mask, word & ~mask
            kind = flags & ~RAM_SAVE_FLAG_CONTINUE
            if kind in (RAM_SAVE_FLAG_EOS, RAM_SAVE_FLAG_MEM_SIZE):
                return at, True
            if flags == RAM_SAVE_FLAG_MULTIFD_FLUSH:
                at += _WORD
                continue
            if kind not in (RAM_SAVE_FLAG_ZERO, RAM_SAVE_FLAG_PAGE, RAM_SAVE_FLAG_XBZRLE):
                raise FormatError(
                    f"page record: no record has the flags {flags:#x}",
                    offset=base + at,
                    path=f"{path}/addr_and_flags",
                    expected="ZERO, PAGE, XBZRLE, MULTIFD_FLUSH or EOS",
                    actual=word,
                )
            if flags & RAM_SAVE_FLAG_CONTINUE and self._current is None:
                raise FormatError(
                    "page record: CONTINUE before a block was named",
                    offset=base + at,
                    path=f"{path}/addr_and_flags",
                )
            if flags & RAM_SAVE_FLAG_CONTINUE and kind != RAM_SAVE_FLAG_XBZRLE:
                end = self._pass_series(data, at, kind, base)
                if end > at:
                    at = end
                    continue
            body = at + _WORD
            if not flags & RAM_SAVE_FLAG_CONTINUE:
                end = body + 1 + (data[body] if body < len(data) else 0)
                if end > len(data):
                    return at, False
                self._enter(str(data[body + 1 : end], "latin-1"), base + body, path)
                body = end
            end = self._body_end(data, body, kind, base, path)
            if end > len(data):
                return at, False
            words = np.array([address], np.uint64)
            self._series.append((words, kind, base + at, base + body, 0))
            at = end
        return at, False

    def _enter(self, idstr: str, offset: int, path: str) -> None:
        if idstr not in self._blocks:
            raise FormatError(
                f"page record: there is no block {idstr!r}",
                offset=offset,
                path=f"{path}/idstr",
                actual=idstr,
            )
        self._note_series(path)
        self._current = self._blocks[idstr]

    def _body_end(self, data: memoryview, body: int, kind: int, base: int, path: str) -> int:
        """Where a record ends whose name, if any, ends at `body`."""
        if kind == RAM_SAVE_FLAG_PAGE:
            return body + self._page_size
        if kind == RAM_SAVE_FLAG_ZERO:
            if bytes(data[body : body + 1]) not in (b"", b"\0"):
                raise FormatError(
                    f"fill: expected 0, got {data[body]:#x}",
                    offset=base + body,
                    path=f"{path}/fill",
                    expected="0",
                    actual=data[body],
                )
            return body + 1
        if bytes(data[body : body + 1]) not in (b"", bytes([ENCODING_FLAG_XBZRLE])):
            raise FormatError(
                f"encoding: expected 1, got {data[body]:#x}",
                offset=base + body,
                path=f"{path}/xbzrle/encoding",
                expected="1",
                actual=data[body],
            )
        return body + _XBZRLE_HEADER + int.from_bytes(data[body + 1 : body + 3], "big")

    def _pass_series(self, data: memoryview, at: int, kind: int, base: int) -> int:
        """Take records of one kind with CONTINUE, from `at` on; say where they end."""
        import numpy as np

        step = _WORD + (self._page_size if kind == RAM_SAVE_FLAG_PAGE else 1)
        fits = (len(data) - at) // step
        mask, wanted = np.uint64(self._page_size - 1), np.uint64(kind | RAM_SAVE_FLAG_CONTINUE)
        count = min(_FEW, fits)
        if count == 0:
            return at
        while True:
            words = np.ndarray((count,), ">u8", data, at, (step,))
            other = (words & mask) != wanted
            length = int(other.argmax())
            if other[length]:
                break
            length = count
            if count == fits:
                break
            count = min(count * 4, fits)
        if kind == RAM_SAVE_FLAG_ZERO and length:
            fills = np.ndarray((length,), np.uint8, data, at + _WORD, (step,))
            if fills.any():
                length = int((fills != 0).argmax())  # the record is met alone, and refused
        if length:
            record = base + at
            self._series.append((words[:length], kind, record, record + _WORD, step))
        return at + length * step

    def _note_series(self, path: str) -> None:
        """Note what waits, all of it records of the current block."""
        import numpy as np

        series, self._series = self._series, []
        if not series or self._current is None:
            return
        all_words, all_kinds, all_records, all_bodies, all_steps = zip(*series, strict=True)
        lengths = np.array([len(words) for words in all_words])
        nth = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places = np.repeat(np.array(all_bodies, np.int64), lengths)
        places += nth * np.repeat(np.array(all_steps, np.int64), lengths)
        words = np.concatenate(all_words).astype(np.uint64)
        numbers = words // np.uint64(self._page_size)
        outside = numbers >= np.uint64(self._current.num_pages)
        if outside.any():
            first = int(outside.argmax())
            which = int(np.cumsum(lengths).searchsorted(first, side="right"))
            raise FormatError(
                f"page record: page {int(numbers[first])} is not one of"
                f" {self._current.num_pages} of its block",
                offset=all_records[which] + int(nth[first]) * all_steps[which],
                path=f"{path}/addr_and_flags",
            )
        kinds = np.repeat(np.array(all_kinds), lengths)
        differences = kinds == RAM_SAVE_FLAG_XBZRLE
        places[differences] = -places[differences] - _XBZRLE_HEADER
        places[kinds == RAM_SAVE_FLAG_ZERO] = ZERO
        self._current.add(numbers.astype(np.int64), places)
