"""An object on another host, or in an object store, as a source."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from mappedram.errors import MappedRamError
from mappedram.io.remote.pieces import Pieces
from mappedram.io.remote.plan import AHEAD, REQUEST, Plan, gap_for
from mappedram.io.remote.ranges import Ranges
from mappedram.io.remote.retrying import persistent
from mappedram.io.source import StoredSource

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes of the first request: the headers up to the first block, and its bitmap for 8 GiB.
FIRST = 256 << 10
#: Bytes that are fetched at a new place: a header and the bitmap of 512 MiB.
PLACE = 32 << 10
#: Bytes that are fetched at most where reading goes on from one piece to the next.
_ONWARD = 1 << 20
#: Missing bytes in a row after which a reader is expected to go on.
_LONG = 4 << 20
#: Bytes of one request that was announced, such as one for a bitmap.
_ANNOUNCED = 16 << 20
#: Bytes to keep: the bitmaps of 1 TiB, and what is read ahead.
_KEPT = 64 << 20


class RemoteSource(StoredSource):
    """An object that is read in ranges, over the network.

    It keeps what it fetched last. Several requests are under way at a time: for parts of a long
    range, and for what `prefetch` and `reading_ahead` announce.

    Args:
        ranges: the object.
        name: name for messages.

    Raises:
        UnsupportedError: it is not served in ranges.
        OSError: it cannot be read.
    """

    is_remote = True

    def __init__(self, ranges: Ranges, name: str) -> None:
        self._ranges = ranges
        self._stop = Event()
        began = monotonic()
        first = persistent(lambda: ranges.begin(FIRST), self._stop)
        ranges.latency = min(ranges.latency, monotonic() - began)  # it also connects
        super().__init__(name, ranges.size)
        self._object_size = ranges.size
        self._pieces = Pieces(ranges.start, _KEPT)
        self._pieces.add(0, first)
        self._plans: list[Plan] = []
        #: Where the last piece ends that was missing, how many bytes were missing up to there, and
        #: what was fetched because a reader goes on and on.
        self._missing = self._missed = 0
        self._ahead = range(0)

    def _stored(self, length: int, offset: int) -> bytes:
        end = min(offset + length, self._object_size)
        if offset >= end:
            return b""
        plan = self._plan(offset, end)
        with self._naming_errors():
            if plan is not None:
                return self._planned(plan, offset, end)
            data = self._pieces.read(offset, end, self._extent)
            self._follow(offset, end)
            return data

    def fill_at_once(self, views: Sequence[memoryview], offset: int) -> bool:
        """As for `Source`, for what a plan announced."""
        end = offset + sum(map(len, views))
        plan = self._plan(offset, end)
        if plan is None:
            return False
        with self._naming_errors():
            for view in views:
                self._fill(view, offset, self._ordered(plan, offset, offset + len(view)))
                offset += len(view)
        return True

    def _plan(self, start: int, end: int) -> Plan | None:
        return next((plan for plan in self._plans if plan.has(start, end)), None)

    def _ordered(self, plan: Plan, start: int, end: int) -> list[tuple[int, int]]:
        """The wanted parts of a range; what a plan announced is fetched up to there, and beyond."""
        self._pieces.prefetch(plan.due(start, end), plan.weight, plan.times)
        return plan.wanted(start, end)

    def _planned(self, plan: Plan, start: int, end: int) -> bytes:
        """Bytes that a plan announced; zeros where it skips some, as nobody wants them."""
        wanted = self._ordered(plan, start, end)
        if wanted == [(start, end)]:
            return self._pieces.read(start, end, self._exactly)
        data = bytearray(end - start)
        self._fill(memoryview(data), start, wanted)
        return bytes(data)

    def _fill(self, view: memoryview, start: int, wanted: Iterable[tuple[int, int]]) -> None:
        """Fill the wanted parts of a range, and the others with zeros."""
        at, end = start, start + len(view)
        for first, last in wanted:
            if first > at:
                view[at - start : first - start] = bytes(first - at)
            self._pieces.fill(view[first - start : last - start], first, self._exactly)
            at = last
        if at < end:
            view[at - start :] = bytes(end - at)

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            yield
        except MappedRamError as error:
            error.filename = error.filename or self.name
            raise

    def _follow(self, start: int, end: int) -> None:
        """Fetch ahead of a reader that goes from one end of a long range to the other."""
        if self._ahead.start <= start < self._ahead.stop:
            begin = self._ahead.stop
            if end < begin - AHEAD // 4:
                return
        elif self._missed >= _LONG:
            begin, self._missed = self._missing, 0
        else:
            return
        stop = min(begin + AHEAD // 4, self._object_size)
        self._ahead = range(start, stop)
        self._pieces.prefetch(_steps(begin, stop, REQUEST), _all)

    def _extent(self, start: int, end: int, previous: int) -> int:
        """Where to end a piece; reading on fetches twice as much each time."""
        ahead = min(_ONWARD, max(PLACE, 2 * (start - previous)))
        stop = min(max(start + ahead, end), start + REQUEST, self._object_size)
        self._missed = self._missed + stop - start if start == self._missing else 0
        self._missing = stop
        return stop

    @staticmethod
    def _exactly(start: int, end: int, previous: int) -> int:
        """Where to end a piece that was forgotten before it was read."""
        del previous
        return min(end, start + REQUEST)

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """As for `Source`."""
        if not self.packed:  # there, other bytes stand at these offsets
            for start, end in ranges:
                span = max(0, start), min(end, self._object_size)
                self._pieces.prefetch(_steps(*span, _ANNOUNCED))

    @contextmanager
    def reading_ahead(self, runs: "Runs", times: int = 1) -> Iterator[None]:
        """As for `Source`."""
        if self.packed or not len(runs) or runs[0, 0] >= self._object_size:
            yield
            return
        runs = runs.clip(max=self._object_size)
        plan = Plan(runs, times, gap_for(self._ranges.latency))
        self._plans.append(plan)
        try:
            yield
            persistent(self._ranges.verify, self._stop)
        finally:
            self._plans.remove(plan)

    def tell_cost(self, why: str) -> None:
        """As for `Source`; a warning of the logger `mappedram`."""
        import logging

        logging.getLogger("mappedram").warning("%s: %s", self.name, why)

    def stamp(self) -> tuple[int, int]:
        """The size; each answer of the server shows whether the object is the same."""
        return self._object_size, 0

    def close(self) -> None:
        """Give up what is being fetched."""
        self._stop.set()
        self._ranges.close()


def _all(start: int, end: int) -> int:
    """All bytes of a range are going to be read."""
    return end - start


def _steps(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """[start, end) in steps."""
    return ((at, min(at + step, end)) for at in range(start, end, step))
