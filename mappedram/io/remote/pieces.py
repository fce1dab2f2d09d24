"""The parts of an object that were fetched or are being fetched."""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import TypeAlias

#: Bytes in the parts in which they came; joining them would copy everything once more.
Data: TypeAlias = Sequence[bytes]
#: Starts to fetch the bytes [start, end).
Submit: TypeAlias = Callable[[int, int], Future[Data]]
#: How many bytes of [start, end) are going to be read.
Weigh: TypeAlias = Callable[[int, int], int]
#: Where a piece ends that is fetched because [start, end) was asked for and is missing, given
#: `start`, `end`, and the start of the piece that ends at `start`, or `start` if there is none.
Extend: TypeAlias = Callable[[int, int, int], int]


class Piece:
    """Bytes [start, end) of the object.

    Args:
        start: offset of the first byte.
        end: end offset, exclusive.
        data: the bytes, perhaps later.
        weigh: how many of the bytes in a range are going to be read; None if that is unknown.
        times: how often they are read. Then the piece is dropped.
    """

    __slots__ = ("data", "end", "left", "start", "weigh")

    def __init__(
        self, start: int, end: int, data: "Future[Data]", weigh: Weigh | None = None, times: int = 1
    ) -> None:
        self.start = start
        self.end = end
        self.data = data
        self.weigh = weigh
        self.left = weigh(start, end) * times if weigh else 0


class Pieces:
    """Pieces by offset, without overlap. The least recently used ones are forgotten.

    Args:
        submit: fetches bytes.
        most: bytes to keep.
    """

    def __init__(self, submit: Submit, most: int) -> None:
        self._submit = submit
        self._most = most
        self._lock = Lock()
        self._starts: list[int] = []
        #: By start, the least recently used first.
        self._pieces: dict[int, Piece] = {}
        self._held = 0

    def add(self, start: int, data: Data) -> None:
        """Keep bytes that were fetched already."""
        length = sum(map(len, data))
        if length:
            done: Future[Data] = Future()
            done.set_result(data)
            self._insert(Piece(start, start + length, done))

    def read(self, start: int, end: int, extend: Extend) -> bytes:
        """The bytes [start, end); waits for those that are missing."""
        return b"".join(self._parts(start, end, extend))

    def fill(self, view: memoryview, start: int, extend: Extend) -> None:
        """Fill `view` from `start` on; waits for bytes that are missing."""
        at = 0
        for part in self._parts(start, start + len(view), extend):
            view[at : at + len(part)] = part
            at += len(part)

    def _parts(self, start: int, end: int, extend: Extend) -> Iterator[memoryview]:
        with self._lock:
            wanted = self._cover(start, end, extend)
        for piece in wanted:
            yield from self._of(piece, max(start, piece.start), min(end, piece.end))

    def prefetch(
        self, ranges: Iterable[tuple[int, int]], weigh: Weigh | None = None, times: int = 1
    ) -> None:
        """Begin to fetch what is missing of some ranges; other arguments are as for `Piece`."""
        with self._lock:
            for start, end in ranges:
                self._cover(start, end, lambda _, stop, __: stop, weigh, times)

    def _of(self, piece: Piece, start: int, end: int) -> Iterator[memoryview]:
        """Bytes of a piece, once they are there."""
        try:
            data = piece.data.result()
        except BaseException:
            with self._lock:
                self._forget(piece)
            raise
        if piece.weigh:
            weight = piece.weigh(start, end)
            with self._lock:
                piece.left -= weight
                if piece.left <= 0:
                    self._forget(piece)
        at = piece.start
        for part in data:
            if at >= end:
                return
            if start < at + len(part):
                yield memoryview(part)[max(0, start - at) : end - at]
            at += len(part)

    def _cover(
        self, start: int, end: int, extend: Extend, weigh: Weigh | None = None, times: int = 1
    ) -> list[Piece]:
        """The pieces of [start, end); missing ones are fetched."""
        found = []
        while start < end:
            index = bisect_right(self._starts, start) - 1
            piece = self._pieces[self._starts[index]] if index >= 0 else None
            if piece is None or piece.end <= start:
                previous = piece.start if piece is not None and piece.end == start else start
                stop = extend(start, end, previous)
                if index + 1 < len(self._starts):
                    stop = min(stop, self._starts[index + 1])
                piece = Piece(start, stop, self._submit(start, stop), weigh, times)
                self._insert(piece)
            else:  # now it is the most recently used
                self._pieces[piece.start] = self._pieces.pop(piece.start)
            found.append(piece)
            start = piece.end
        self._make_room(found)
        return found

    def _insert(self, piece: Piece) -> None:
        insort(self._starts, piece.start)
        self._pieces[piece.start] = piece
        self._held += piece.end - piece.start

    def _make_room(self, wanted: list[Piece]) -> None:
        if self._held <= self._most:
            return
        kept = {piece.start for piece in wanted}
        for piece in list(self._pieces.values()):
            if self._held <= self._most:
                break
            if piece.start not in kept and piece.data.done():
                self._forget(piece)

    def _forget(self, piece: Piece) -> None:
        if self._pieces.get(piece.start) is piece:
            del self._pieces[piece.start]
            del self._starts[bisect_right(self._starts, piece.start) - 1]
            self._held -= piece.end - piece.start
