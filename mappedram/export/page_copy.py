"""Write pieces of guest memory to given places; pages that are not stored stay holes."""

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from mappedram.export.options import ExportOptions
from mappedram.export.ranges import ExportedPiece
from mappedram.io import system
from mappedram.io.copying import Progress, WriteTarget, copy_runs, in_parallel, share, write_rows

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Longer runs are likely to be moved by the kernel alone.
LONG = 1 << 20


class Observer(Protocol):
    """Observer of written memory."""

    def passing(self, piece: ExportedPiece, start: int, data: "memoryview | bytes") -> None:
        """Take whole pages that begin at byte `start` of the block; called on any thread."""

    def unseen(self, piece: ExportedPiece, runs: "Runs") -> None:
        """Note bytes of the block that are moved without passing through user space."""


def begin(fd: int, size: int, sources: Iterable[int]) -> None:
    """Make an empty file a hole of `size` bytes; it may not be one of those that are read.

    Raises:
        OSError: it cannot be written so far, or it is one of `sources`.
    """
    system.begin(fd, 0, size, *sources)
    system.end_at(fd, size)


def write_pieces(
    pieces: Iterable[tuple[ExportedPiece, int]],
    fd: int,
    options: ExportOptions,
    *,
    observer: Observer | None = None,
) -> str | None:
    """Write pieces to their places in the file open as `fd`; pages that are not stored are skipped.

    If the file system can share blocks, the new file shares those of the snapshot, and nothing is
    read or written. This needs places that are multiples of its block size.

    Args:
        pieces: each with its offset in the file.
        fd: descriptor of a seekable file, open for writing, with a hole at each of these places.
        options: how memory is written.
        observer: receives each byte once, or is told that it moved unseen.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        TruncatedError: the snapshot ends before a page that its bitmap has.
        OSError: reading or writing failed.
    """
    target = _Observed(fd, observer, direct_io=options.direct_io)
    try:
        for piece, place in pieces:
            for part in piece.parts():
                target.begin(part, place + part.start - piece.start)
                _write(part, target, options.channels, options.progress)
    finally:
        target.close()
    return target.refused


class _Observed(WriteTarget):
    """A file whose writes are observed.

    Attributes:
        place: where the current piece begins.
        seen: bytes that were observed.
    """

    def __init__(self, fd: int, observer: Observer | None, *, direct_io: bool) -> None:
        super().__init__(fd, direct_io=direct_io)
        self.observer = observer
        self.place = self.seen = 0
        self._piece: ExportedPiece | None = None
        self._lock = Lock()

    def begin(self, piece: ExportedPiece, place: int) -> None:
        """Announce the next write."""
        self._piece, self.place = piece, place

    def write(self, data: "memoryview | bytes", offset: int) -> None:
        """Write, and call the observer while the bytes are in the processor's cache."""
        if self.observer is not None and self._piece is not None:
            start = offset - self.place + self._piece.start
            self.observer.passing(self._piece, start, data)
            with self._lock:
                self.seen += len(data)
        super().write(data, offset)


def _write(
    piece: ExportedPiece, target: _Observed, channels: int, progress: Progress | None
) -> None:
    """Write a piece to its place in the cheapest way."""
    if piece.block.recorded is not None:
        _collect(piece, target, channels, progress)
        return
    if not target.is_direct and _share(piece, target.fd, target.place):
        if target.observer:
            target.observer.unseen(piece, piece.runs())
        if progress:
            progress(piece.stored_bytes)
        return
    runs = piece.runs()
    # The kernel cannot move what comes over a network.
    is_long = (runs[:, 1] - runs[:, 0] >= LONG) & (not piece.block.source.is_remote)
    if target.observer is not None and is_long.any():
        target.observer.unseen(piece, runs[is_long])
        _copy(piece, runs[is_long], target, channels, progress)
        runs = runs[~is_long]
    before = target.seen
    _copy(piece, runs, target, channels, progress)
    expected = int((runs[:, 1] - runs[:, 0]).sum())
    if target.observer is not None and target.seen - before != expected:
        target.observer.unseen(piece, runs)


def _copy(
    piece: ExportedPiece, runs: "Runs", target: _Observed, channels: int, progress: Progress | None
) -> None:
    """Copy runs of bytes of the block."""
    first = _pages_offset(piece)
    shift = target.place - piece.start - first
    copy_runs(piece.block.source, runs + first, target, shift, channels=channels, progress=progress)


def _pages_offset(piece: ExportedPiece) -> int:
    offset = piece.block.model.pages_offset
    assert offset is not None
    return offset


def _collect(
    piece: ExportedPiece, target: _Observed, channels: int, progress: Progress | None
) -> None:
    """Write pages that are scattered in a stream, each to its place."""
    recorded = piece.block.recorded
    assert recorded is not None
    bounds = [piece.start // recorded.page_size, (piece.start + piece.size) // recorded.page_size]
    lower, upper = recorded.pages.searchsorted(bounds).tolist()
    step = recorded.batch_size

    def collect(start: int) -> None:
        pages, data = recorded.collect(piece.block.source, start, min(start + step, upper))
        write_rows(target, pages, data, target.place - piece.start)
        if progress:
            progress(data.nbytes)

    with piece.block.reading_ahead(piece.start, piece.size):
        in_parallel(collect, iter(range(lower, upper, step)), channels)


def _share(piece: ExportedPiece, fd: int, place: int) -> bool:
    """Share the whole range, then punch holes for the pages without a bit."""
    source, first = piece.block.source, _pages_offset(piece)
    begin, end = first + piece.start, first + piece.start + piece.size
    if end > source.size or not share(source, begin, end, fd, place - begin):
        return False
    position = begin
    for start, stop in [*(piece.runs() + first).tolist(), (end, end)]:
        for stale, last in source.extents(position, start):
            system.zero(fd, stale + place - begin, last + place - begin)
        position = stop
    return True
