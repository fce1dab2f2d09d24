"""Guest-physical memory for Volatility, which reads a few bytes at a time from anywhere."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from typing import TYPE_CHECKING

from mappedram.errors import MappedRamError
from mappedram.export.ranges import memory_of
from mappedram.guest.physical import physical_memory
from mappedram.stream.libvirt import open_any

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes of a cached chunk, since page tables are read entry by entry; and number of chunks.
CHUNK = 1 << 16
_CHUNKS_KEPT = 256
#: Gaps between runs of pages up to this size are read instead of splitting the range.
_NEAR = 1 << 16

Span = tuple[int, int]


class GuestMemory:
    """The memory of one open file, as `mappedram convert -O elf` would export it.

    Args:
        path: a snapshot, a stream or a save image of libvirt.
        partial: treat unknown pages as no memory, and go on.

    Attributes:
        spans: half-open ranges of guest-physical addresses, ascending, none touching the next.
        doubts: parts of guest memory that are a guess or unknown, in words.

    Raises:
        UnknownPagesError: the file does not know all of memory.
        MappedRamError: it cannot be followed, or the place of its memory is unknown.
        OSError: it cannot be opened or read.
    """

    def __init__(self, path: str, *, partial: bool = False) -> None:
        with ExitStack() as stack:
            snapshot, _ = stack.enter_context(open_any(path, partial=True))
            snapshot.require_blocks()
            self._memory = physical_memory(snapshot)
            exported = memory_of(snapshot, self._memory.map, partial=partial)
            self._ranges = tuple(one for one, _ in exported.pieces)
            known = (part for one in self._ranges for part in self._memory.known(one))
            self.spans = _joined((part.gpa, part.end) for part in known)
            self._starts = [start for start, _ in self.spans]
            unknown = (text for coverage in exported.unknown for text in coverage.sentences())
            self.doubts = (*self._memory.map.doubts, *unknown)
            self._stack = stack.pop_all()
        self._chunk = lru_cache(_CHUNKS_KEPT)(self._read_chunk)

    def span(self, gpa: int) -> Span | None:
        """The span that contains `gpa`."""
        index = bisect_right(self._starts, gpa) - 1
        if index < 0 or gpa >= self.spans[index][1]:
            return None
        return self.spans[index]

    def overlapping(self, start: int, stop: int) -> Iterator[Span]:
        """Parts of [start, stop) with memory."""
        for first, last in self.spans:
            if first < stop and last > start:
                yield max(first, start), min(last, stop)

    def read(self, gpa: int, size: int) -> bytes:
        """Read memory within one span; zeros for pages that are not stored.

        Raises:
            MappedRamError: the file lacks bytes that its structure declares.
        """
        span = self.span(gpa)
        assert span is not None
        if size > CHUNK:
            return self._memory.read(gpa, size)
        first, last = (gpa - span[0]) // CHUNK, (gpa + size - 1 - span[0]) // CHUNK
        try:
            data = b"".join(self._chunk(span, number) for number in range(first, last + 1))
        except MappedRamError:
            # Only a part of the chunks is needed.
            return self._memory.read(gpa, size)
        start = gpa - span[0] - first * CHUNK
        return data[start : start + size]

    def stored(self, start: int, stop: int, margin: int) -> Iterator[Span]:
        """Parts of [start, stop) that may be non-zero.

        Args:
            start: first guest-physical address.
            stop: first address behind the range.
            margin: bytes of zeros to include on both sides of each part, if there are as many.
        """
        for first, last in self.overlapping(start, stop):
            low = high = first
            for begin, end in self._near_runs(first, last):
                if begin - margin <= high + margin + _NEAR:
                    high = end
                    continue
                if high > low:
                    yield max(low - margin, first), min(high + margin, last)
                low, high = begin, end
            if high > low:
                yield max(low - margin, first), min(high + margin, last)

    def _near_runs(self, first: int, last: int) -> Iterator[Span]:
        """Runs of pages within a part of a span, ascending; most close runs are joined."""
        for one in self._ranges:
            if one.gpa >= last or one.end <= first:
                continue
            for runs in self._memory.iter_data_runs(one):
                yield from _joined_runs(runs[(runs[:, 1] > first) & (runs[:, 0] < last)])

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _read_chunk(self, span: Span, number: int) -> bytes:
        start = span[0] + number * CHUNK
        return self._memory.read(start, min(CHUNK, span[1] - start))


def _joined_runs(runs: "Runs") -> Iterator[Span]:
    import numpy as np

    if not len(runs):
        return
    seams = np.flatnonzero(runs[1:, 0] > runs[:-1, 1] + _NEAR) + 1
    starts = runs[np.concatenate(([0], seams)), 0]
    stops = runs[np.concatenate((seams - 1, [-1])), 1]
    yield from zip(starts.tolist(), stops.tolist(), strict=True)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join ascending spans that touch."""
    joined: list[Span] = []
    for start, stop in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return tuple(joined)
