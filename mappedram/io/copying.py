"""Moves runs of bytes between files at the speed of the disk, holes kept as holes.

Runs are int64 arrays of shape (n, 2): half-open ranges of offsets in the source. A run keeps its
place relative to the others; `shift` is added to each offset to give its place in the target.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event, Lock, local
from typing import TYPE_CHECKING, Any, TypeVar

from mappedram.errors import TruncatedError
from mappedram.io import system
from mappedram.io.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

Item = TypeVar("Item")

#: Called with the number of bytes moved since the last call, from any thread.
Progress = Callable[[int], None]

#: What is read at once where runs are short; it stays in the cache of the processor.
WINDOW = 1 << 19
#: From this length on, a run is moved by the kernel without passing through a buffer.
_LONG = 1 << 20
#: What is handed to the page cache at once, of runs and of what has no gaps. With more, the time
#: varies by a factor of five here: ext4 then asks for large folios, which have to be found first.
_WRITE_SIZE, _VECTOR_SIZE = 1 << 18, 1 << 16
#: What a thread takes on at once.
_BATCH = 1 << 26
#: What O_DIRECT asks of offsets, lengths and memory on every disk that is sold.
DIRECT_ALIGNMENT = 4096
#: Zeros of so many bytes become a hole where nothing tells what was one.
_ZEROS_MIN = 4096


class WriteTarget:
    """A file to be written, with O_DIRECT where that is asked for and possible.

    Attributes:
        fd: descriptor of a seekable file, open for writing.
        refused: why O_DIRECT is not used although it was asked for; None otherwise.
        in_kernel: held while the kernel copies, or takes much at once; two such calls would wait
            for one file by spinning.
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
        """Whether O_DIRECT is used for what is aligned."""
        return self._direct >= 0 and self.refused is None

    def write(self, data: "memoryview | bytes", offset: int) -> None:
        """All of `data` at `offset`, past the page cache if it can be."""
        if self.is_direct and not offset % DIRECT_ALIGNMENT and not len(data) % DIRECT_ALIGNMENT:
            self._write_direct(memoryview(data), offset)
        elif len(data) <= _WRITE_SIZE:
            system.write(self.fd, data, offset)
        else:
            view = memoryview(data)
            for start in range(0, len(view), _WRITE_SIZE):
                system.write(self.fd, view[start : start + _WRITE_SIZE], offset + start)

    def write_vector(self, pieces: Sequence[memoryview], offset: int) -> None:
        """Pieces of memory one behind the other, from `offset` on, through the page cache."""
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
        """Memory that O_DIRECT takes, one piece for each thread."""
        if not hasattr(self._buffers, "buffer"):
            self._buffers.buffer = system.direct_buffer(1 << 20)
        return self._buffers.buffer

    def close(self) -> None:
        """Give up what was opened here; `fd` stays open."""
        if self._direct >= 0:
            system.close(self._direct)
            self._direct = -1


def write_rows(
    target: WriteTarget, pages: "NDArray[np.int64]", data: "NDArray[np.uint8]", pages_offset: int
) -> "Runs":
    """Write pages to their places, those that follow each other at once; say which runs they are.

    Args:
        target: where to.
        pages: numbers of the pages, ascending.
        data: their bytes, a row for each.
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
    """Copy what is not a hole in [start, end) of `source`.

    Where holes cannot be told from zeros, zeros become holes, too.

    Args:
        source: where from.
        start: first byte.
        end: first byte behind.
        target: where to, with a hole at this place.
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
        for first, last in extents:
            _copy_nonzero(source, first, last, target, shift, progress=progress)
    else:
        runs = np.array(list(extents), np.int64).reshape(-1, 2)
        copy_runs(source, runs, target, shift, progress=progress)


def share(source: Source, start: int, end: int, target: int, shift: int = 0) -> bool:
    """Let the target share the blocks of [start, end), where the file system can do so.

    Nothing is read or written; holes stay holes. Offsets and lengths have to be multiples of the
    block size of the file system.

    Returns:
        Whether it was done. If not, that place of the target is as it was, or zeros.

    Raises:
        UnsupportedError: the source is a metadump.
        OSError: zeros cannot be written over what is half done.
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

    in_parallel(copy, batches(runs), channels)


def copy_batch(
    source: Source,
    runs: "Runs",
    target: WriteTarget,
    shift: int = 0,
    progress: Progress | None = None,
) -> None:
    """Copy the runs on this thread; for what `copy_runs` says."""
    source.refuse_pages()
    is_long = (runs[:, 1] - runs[:, 0] >= _LONG) & (not target.is_direct)
    _copy_short(source, runs[~is_long], target, shift, progress)
    # One thread has the kernel copy at a time, and a whole batch: to hand over costs more than to
    # wait.
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
    """The runs in order, in batches of about `size`, long runs cut."""
    import numpy as np

    runs = _cut(runs, size)
    ends = np.cumsum(runs[:, 1] - runs[:, 0])
    start = 0
    while start < len(runs):
        passed = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, passed + size, side="right")))
        yield runs[start:stop]
        start = stop


def grouped(runs: "Runs", window: int) -> Iterator[tuple[int, "Runs"]]:
    """The runs by the window of that size that they lie in, long ones cut; with the first start."""
    import numpy as np

    runs = _cut(runs, window)
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


def _cut(runs: "Runs", step: int) -> "Runs":
    """The runs, cut at multiples of `step`."""
    import numpy as np

    if not len(runs):
        return runs
    first = runs[:, 0] // step
    counts = (runs[:, 1] - 1) // step - first + 1
    rows = np.repeat(np.arange(len(runs)), counts)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    edges = (first[rows] + nth) * step
    starts = np.maximum(runs[rows, 0], edges)
    stops = np.minimum(runs[rows, 1], edges + step)
    return np.stack((starts, stops), axis=1)


def _copy_long(
    source: Source,
    first: int,
    last: int,
    target: WriteTarget,
    shift: int,
    *,
    progress: Progress | None = None,
) -> None:
    """One run, by the kernel where it can."""
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
    """The first bytes of a run, through a buffer; how many."""
    data = source.read(first, min(WINDOW, last - first))
    if not data:
        raise TruncatedError("the file has shrunk while it was read", offset=first)
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
    """One run, but for what is zero."""
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
    """Runs that lie close together: read with what is between them, written one by one."""
    with memoryview(bytearray(WINDOW)) as buffer:
        for base, part in grouped(runs, WINDOW):
            with buffer[: int(part[-1, 1]) - base] as view:
                read_fully(source, view, base)
                for first, last in part.tolist():
                    target.write(view[first - base : last - base], first + shift)
            if progress:
                progress(int((part[:, 1] - part[:, 0]).sum()))


def read_fully(source: Source, view: memoryview, offset: int) -> None:
    """Fill `view` from `offset` on. Of a metadump with digests, they stand for the pages.

    Raises:
        TruncatedError: the source ends before.
        UnsupportedError: the source is a metadump without them.
    """
    if source.packed and not source.packed.has_digests:
        source.refuse_pages()
    source.fill([view], offset)


def nonzero_pages(view: memoryview, page_size: int) -> "NDArray[np.bool_]":
    """Which pages of `view` hold anything but zeros; one bool for each page."""
    import numpy as np

    words: NDArray[np.uint64] = np.frombuffer(view, np.uint64).reshape(-1, page_size // 8)
    return np.asarray(words.any(axis=1))


def runs_of(pages: "NDArray[np.bool_]") -> "Runs":
    """The runs of True in an array of bool."""
    import numpy as np

    return np.flatnonzero(np.diff(pages, prepend=False, append=False)).reshape(-1, 2)
