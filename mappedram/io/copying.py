"""Move runs of bytes between files at disk speed, and keep holes.

Runs are int64 arrays of shape (n, 2): half-open ranges of offsets in the source. `shift` is added
to each offset to give the offset in the target.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event, Lock, local
from typing import TYPE_CHECKING, Any, TypeVar

from mappedram.errors import TruncatedError
from mappedram.io import system
from mappedram.io.source import Source
from mappedram.io.spans import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

Item = TypeVar("Item")

#: Called with the number of bytes moved since the last call, from any thread.
Progress = Callable[[int], None]

#: Bytes that are read at once if runs are short; they fit into the processor's cache.
WINDOW = 1 << 19
#: Runs of at least this length are copied by the kernel, without a buffer.
_LONG = 1 << 20
#: Bytes per write through the page cache, of one buffer and of a vector. Larger writes vary by a
#: factor of five in time: ext4 then asks for large folios, which have to be found first.
_WRITE_SIZE, _VECTOR_SIZE = 1 << 18, 1 << 16
#: Bytes per work item of a thread.
_BATCH = 1 << 26
#: The same for what comes over a network: interrupted work ends with its item.
REMOTE_BATCH = 1 << 22
#: Alignment of offsets, lengths and memory that O_DIRECT requires on current disks.
DIRECT_ALIGNMENT = 4096
#: Zeros of at least this length become a hole if the source does not report its holes.
_ZEROS_MIN = 4096


class WriteTarget:
    """A file to write, with O_DIRECT if requested and possible.

    Attributes:
        fd: descriptor of a seekable file, open for writing.
        refused: the reason why requested O_DIRECT is not used; None otherwise.
        in_kernel: lock for copies in the kernel and large writes; two such calls on one file would
            wait for each other by spinning.
    """

    def __init__(self, fd: int, *, direct_io: bool = False) -> None:
        self.fd = fd
        self.refused: str | None = None
        self.in_kernel = Lock()
        self._direct = -1
        self._buffers = local()
        if direct_io:
            opened = system.open_direct(fd)
            if isinstance(opened, int):
                self._direct = opened
            else:
                self.refused = opened

    @property
    def is_direct(self) -> bool:
        """Whether O_DIRECT is used for aligned data."""
        return self._direct >= 0 and self.refused is None

    def write(self, data: "memoryview | bytes", offset: int) -> None:
        """Write all of `data` at `offset`, past the page cache if possible."""
        if self.is_direct and not offset % DIRECT_ALIGNMENT and not len(data) % DIRECT_ALIGNMENT:
            self._write_direct(memoryview(data), offset)
        elif len(data) <= _WRITE_SIZE:
            system.write(self.fd, data, offset)
        else:
            view = memoryview(data)
            for start in range(0, len(view), _WRITE_SIZE):
                system.write(self.fd, view[start : start + _WRITE_SIZE], offset + start)

    def write_vector(self, pieces: Sequence[memoryview], offset: int) -> None:
        """Write pieces of memory consecutively at `offset`, through the page cache."""
        group: list[memoryview] = []
        size = 0
        for piece in pieces:
            start = 0
            while start < len(piece):
                part = piece[start : start + _VECTOR_SIZE - size]
                group.append(part)
                size, start = size + len(part), start + len(part)
                if size == _VECTOR_SIZE or len(group) == system.PIECES_MAX:
                    system.write_pieces(self.fd, group, offset)
                    offset, group, size = offset + size, [], 0
        system.write_pieces(self.fd, group, offset)

    def _write_direct(self, data: memoryview, offset: int) -> None:
        buffer = self._aligned_buffer()
        for start in range(0, len(data), len(buffer)):
            piece = data[start : start + len(buffer)]
            buffer[: len(piece)] = piece
            with memoryview(buffer) as view, view[: len(piece)] as part:
                why = system.write_direct(self._direct, part, offset + start, self.fd)
            self.refused = self.refused or why

    def _aligned_buffer(self) -> Any:
        """Memory that is aligned for O_DIRECT, one buffer for each thread."""
        if not hasattr(self._buffers, "buffer"):
            self._buffers.buffer = system.direct_buffer(1 << 20)
        return self._buffers.buffer

    def close(self) -> None:
        """Close what was opened here; `fd` stays open."""
        if self._direct >= 0:
            system.close(self._direct)
            self._direct = -1


def write_rows(
    target: WriteTarget, pages: "NDArray[np.int64]", data: "NDArray[np.uint8]", pages_offset: int
) -> "Runs":
    """Write pages to their places, consecutive ones at once; return the runs.

    Args:
        target: the file to write.
        pages: numbers of the pages, ascending.
        data: their bytes, one row for each.
        pages_offset: offset of page 0.
    """
    import numpy as np

    if not len(pages):
        return np.empty((0, 2), np.int64)
    breaks = np.flatnonzero(np.diff(pages) != 1) + 1
    bounds = [0, *breaks.tolist(), len(pages)]
    page_size = data.shape[1]
    view = data.data.cast("B")
    for start, stop in pairwise(bounds):
        target.write(
            view[start * page_size : stop * page_size],
            pages_offset + int(pages[start]) * page_size,
        )
    return np.stack((pages[bounds[:-1]], pages[np.array(bounds[1:]) - 1] + 1), axis=1)


def copy_data(
    source: Source,
    start: int,
    end: int,
    target: WriteTarget,
    shift: int = 0,
    *,
    progress: Progress | None = None,
) -> None:
    """Copy everything but holes in [start, end) of `source`.

    If the source does not report its holes, zeros also become holes.

    Args:
        source: the file to read.
        start: first byte.
        end: end offset, exclusive.
        target: the file to write, with a hole at this place.
        shift: added to each offset.
        progress: called with the number of bytes copied.

    Raises:
        TruncatedError: the source has shrunk meanwhile.
        UnsupportedError: the source is a metadump.
        OSError: reading or writing failed.
    """
    import numpy as np

    source.refuse_pages()
    extents = source.extents(start, end)
    if source.hides_holes:
        with source.reading_ahead(np.array([[start, end]], np.int64)):
            for first, last in extents:
                _copy_nonzero(source, first, last, target, shift, progress=progress)
    else:
        runs = np.array(list(extents), np.int64).reshape(-1, 2)
        copy_runs(source, runs, target, shift, progress=progress)


def share(source: Source, start: int, end: int, target: int, shift: int = 0) -> bool:
    """Share the blocks of [start, end) with the target, if the file system can.

    Nothing is read or written, and holes stay holes. Offsets and lengths have to be multiples of
    the block size of the file system.

    Returns:
        Whether it was done. If not, that part of the target is unchanged, or zeros.

    Raises:
        UnsupportedError: the source is a metadump.
        OSError: a partial result cannot be overwritten with zeros.
    """
    source.refuse_pages()
    return source.share(start, end, target, start + shift)


def copy_runs(
    source: Source,
    runs: "Runs",
    target: WriteTarget,
    shift: int = 0,
    *,
    channels: int = 1,
    progress: Progress | None = None,
) -> None:
    """Copy the runs, on `channels` threads.

    Raises:
        TruncatedError: the source ends before a run does.
        UnsupportedError: the source is a metadump.
        OSError: reading or writing failed.
    """

    def copy(batch: "Runs") -> None:
        copy_batch(source, batch, target, shift, progress)

    size = REMOTE_BATCH if source.is_remote else _BATCH
    with source.reading_ahead(runs):
        in_parallel(copy, batches(runs, size), channels)


def copy_batch(
    source: Source,
    runs: "Runs",
    target: WriteTarget,
    shift: int = 0,
    progress: Progress | None = None,
) -> None:
    """Copy the runs on this thread; raises as `copy_runs` does."""
    source.refuse_pages()
    through_buffer = target.is_direct or source.is_remote  # which the kernel cannot copy
    is_long = (runs[:, 1] - runs[:, 0] >= _LONG) & (not through_buffer)
    _copy_short(source, runs[~is_long], target, shift, progress)
    # One thread at a time lets the kernel copy, and for a whole batch: passing the lock costs more
    # than waiting for it.
    with target.in_kernel:
        for first, last in runs[is_long].tolist():
            _copy_long(source, first, last, target, shift, progress=progress)


def in_parallel(work: Callable[[Item], None], items: Iterator[Item], channels: int) -> None:
    """Do `work` for each item on `channels` threads; the first error stops all and is raised."""
    if channels == 1:
        for item in items:
            work(item)
        return
    lock, stop = Lock(), Event()

    def serve() -> None:
        while not stop.is_set():
            with lock:
                item = next(items, None)
            if item is None:
                return
            try:
                work(item)
            except BaseException:
                stop.set()
                raise

    with ThreadPoolExecutor(channels, "channel") as executor:
        threads = [executor.submit(serve) for _ in range(channels)]
        try:
            for thread in threads:
                thread.result()
        finally:
            stop.set()


def batches(runs: "Runs", size: int = _BATCH) -> Iterator["Runs"]:
    """The runs in order, in batches of about `size` bytes; long runs are cut."""
    import numpy as np

    runs = cut(runs, size)
    ends = np.cumsum(runs[:, 1] - runs[:, 0])
    start = 0
    while start < len(runs):
        passed = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, passed + size, side="right")))
        yield runs[start:stop]
        start = stop


def grouped(runs: "Runs", window: int) -> Iterator[tuple[int, "Runs"]]:
    """The runs, cut and grouped by aligned window; yield the first start with each group."""
    import numpy as np

    runs = cut(runs, window)
    places = runs[:, 0] // window
    for part in np.split(runs, np.flatnonzero(places[1:] != places[:-1]) + 1):
        if len(part):
            yield int(part[0, 0]), part


def pages_of(runs: "Runs", first: int) -> "NDArray[np.bool_]":
    """One bool for each page from `first` to the end of the last run: whether a run has it."""
    import numpy as np

    if len(runs) == 1:
        return np.ones(int(runs[0, 1]) - first, bool)
    steps = np.zeros(int(runs[-1, 1]) - first + 1, np.int8)
    steps[runs[:, 0] - first] += 1
    np.subtract.at(steps, runs[:, 1] - first, 1)
    return np.cumsum(steps[:-1], dtype=np.int8) > 0


def _copy_long(
    source: Source,
    first: int,
    last: int,
    target: WriteTarget,
    shift: int,
    *,
    progress: Progress | None = None,
) -> None:
    """Copy one run, by the kernel if possible."""
    done = 1
    while first < last:
        if done:
            length = min(last - first, _BATCH)
            done = source.copy_to(target.fd, length, first, first + shift)
        moved = done or _copy_once(source, first, last, target, shift)
        first += moved
        if progress:
            progress(moved)


def _copy_once(source: Source, first: int, last: int, target: WriteTarget, shift: int) -> int:
    """Copy the first bytes of a run through a buffer; return their number."""
    data = source.read(first, min(WINDOW, last - first))
    if not data:
        raise TruncatedError("the file shrank while it was read", offset=first)
    target.write(data, first + shift)
    return len(data)


def _copy_nonzero(
    source: Source,
    first: int,
    last: int,
    target: WriteTarget,
    shift: int,
    *,
    progress: Progress | None = None,
) -> None:
    """Copy one run except zeros."""
    for start in range(first, last, WINDOW):
        length = min(WINDOW, last - start)
        data = source.read_exactly(start, length, "data")
        view = memoryview(data.ljust(length + -length % _ZEROS_MIN, b"\0"))
        for begin, stop in (runs_of(nonzero_pages(view, _ZEROS_MIN)) * _ZEROS_MIN).tolist():
            target.write(view[begin : min(stop, length)], start + begin + shift)
        if progress:
            progress(length)


def _copy_short(
    source: Source, runs: "Runs", target: WriteTarget, shift: int, progress: Progress | None
) -> None:
    """Copy neighbouring runs: read them with the gaps between, and write them one by one."""
    with memoryview(bytearray(WINDOW)) as buffer:
        for base, part in grouped(runs, WINDOW):
            with buffer[: int(part[-1, 1]) - base] as view:
                read_fully(source, view, base)
                for first, last in part.tolist():
                    target.write(view[first - base : last - base], first + shift)
            if progress:
                progress(int((part[:, 1] - part[:, 0]).sum()))


def read_fully(source: Source, view: memoryview, offset: int) -> None:
    """Fill `view` from `offset` on. A metadump with digests yields these in place of the pages.

    Raises:
        TruncatedError: the source ends before.
        UnsupportedError: the source is a metadump without digests.
    """
    if source.packed and not source.packed.has_digests:
        source.refuse_pages()
    source.fill([view], offset)


def nonzero_pages(view: memoryview, page_size: int) -> "NDArray[np.bool_]":
    """Whether each page of `view` has a nonzero byte; one bool for each page."""
    import numpy as np

    words: NDArray[np.uint64] = np.frombuffer(view, np.uint64).reshape(-1, page_size // 8)
    return np.asarray(words.any(axis=1))


def runs_of(pages: "NDArray[np.bool_]") -> "Runs":
    """The runs of True in an array of bool."""
    import numpy as np

    return np.flatnonzero(np.diff(pages, prepend=False, append=False)).reshape(-1, 2)
