"""Planned edits of a file, and the file as it would read with them.

Each repair is found and judged on the file as it would be; nothing is written until all repairs are
known. Edits are small: header fields, bitmaps, the last few sections.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Self

from mappedram.io.source import DerivedSource, Source

#: Bytes of a cell, the unit in which edits are kept.
_CELL = 4096


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes to be written.

    Attributes:
        offset: file offset.
        data: the bytes; may be empty if the file is only truncated.
        is_end: whether the file ends directly behind them.
    """

    offset: int
    data: bytes
    is_end: bool = False

    @property
    def end(self) -> int:
        """First byte after the edit."""
        return self.offset + len(self.data)


class EditedSource(DerivedSource):
    """An open file as it would be with some edits. The file itself is not changed.

    Attributes:
        base: the file as it is.
        edits: all edits, in order.
    """

    def __init__(self, base: Source, edits: Iterable[Edit] = ()) -> None:
        super().__init__(base)
        self.edits: list[Edit] = []
        self._kept = base.size  # nothing of the file itself is left from here on
        self._cells: dict[int, bytes] = {}
        self._order: list[int] = []
        for edit in edits:
            self.make(edit)

    def make(self, edit: Edit) -> None:
        """Add an edit."""
        if edit.is_end or edit.data:
            self.size = edit.end if edit.is_end else max(self.size, edit.end)
        for number in range(edit.offset // _CELL, -(-edit.end // _CELL)):
            start = number * _CELL
            first, last = max(edit.offset, start), min(edit.end, start + _CELL)
            cell = bytearray(self._cell(number))
            cell[first - start : last - start] = edit.data[first - edit.offset : last - edit.offset]
            if number not in self._cells:
                insort(self._order, number)
            self._cells[number] = bytes(cell)
        if edit.is_end:
            self._cut(edit.end)
        self.edits.append(edit)
        self._window = b""  # the bytes kept by `peek` may be out of date

    def _cut(self, end: int) -> None:
        """Forget the bytes behind `end`, so that they are zero if the file grows again."""
        self._kept = min(self._kept, end)
        for number in self._order[bisect_left(self._order, end // _CELL) :]:
            left = self._cells[number][: max(0, end - number * _CELL)]
            self._cells[number] = left.ljust(_CELL, b"\0")

    def _cell(self, number: int) -> bytes:
        """A cell before an edit; bytes behind the end are zero."""
        if number in self._cells:
            return self._cells[number]
        start = number * _CELL
        return self.base.read(start, min(_CELL, self._kept - start)).ljust(_CELL, b"\0")

    def trial(self, edits: Iterable[Edit]) -> Self:
        """The same file with further edits, to try them out."""
        return type(self)(self.base, [*self.edits, *edits])

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only at the end of the file."""
        length = max(0, min(length, self.size - offset))
        kept = self.base.read(offset, min(length, self._kept - offset))
        numbers = self._edited(offset, offset + length)
        if not numbers:
            return kept.ljust(length, b"\0") if offset + length > self._kept else kept
        data = bytearray(kept.ljust(length, b"\0"))
        for number in numbers:
            start = number * _CELL
            first, last = max(offset, start), min(offset + length, start + _CELL)
            data[first - offset : last - offset] = self._cells[number][first - start : last - start]
        return bytes(data)

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that are not holes, as half-open ranges of offsets."""
        end = min(end, self.size)
        edited = (
            (max(start, number * _CELL), min(end, (number + 1) * _CELL))
            for number in self._edited(start, end)
        )
        held: tuple[int, int] | None = None
        for first, last in merge(self.base.extents(start, min(end, self._kept)), edited):
            if held and first <= held[1]:
                held = held[0], max(held[1], last)
                continue
            if held:
                yield held
            held = first, last
        if held:
            yield held

    def _edited(self, start: int, end: int) -> list[int]:
        """Numbers of the edited cells in [start, end)."""
        first = bisect_left(self._order, start // _CELL)
        return self._order[first : bisect_left(self._order, -(-end // _CELL))]
