"""Find differing pages: compare windows of both files, then the pages of unequal windows.

Pages that neither file stores are not read, except in gaps that are shorter to read than to skip
with another system call. Bytes in gaps and under a clear bit do not count.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mappedram.diff.differences import PageDifferences, TroubleError
from mappedram.errors import FormatError, MappedRamError
from mappedram.format.arithmetic import bitmap_size, is_page_size
from mappedram.io.copying import REMOTE_BATCH, Progress, in_parallel, read_fully
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.block import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

    #: One bool for each page; in `_Batch.compare`, a row for each window.
    Stored = NDArray[np.bool_]

#: Bytes of a window: the windows of both files fit into the processor's cache. The largest page
#: fits into a window four times.
WINDOW = 1 << 18
#: Bytes that a thread compares at a time.
_BATCH = 1 << 26
#: Gaps up to this size are read, which takes about as long as a system call.
_GAP = 1 << 14
#: Bits of a bitmap of 1 GiB, which covers 32 TiB of pages of 4 KiB.
_PAGES_MAX = 1 << 33

_ZEROS = bytes(WINDOW)


class ComparedMemory(Protocol):
    """Interface of a RAM block to be compared; `Block` has it, for any kind of file."""

    @property
    def idstr(self) -> str:
        """Name of the block."""

    @property
    def used_length(self) -> int:
        """Bytes of guest memory."""

    @property
    def page_size(self) -> int:
        """Bytes of a page."""

    @property
    def bitmap(self) -> Bitmap:
        """Bitmap of the pages in the file."""

    def read(self, offset: int, size: int) -> bytes:
        """Read guest memory, with zeros for pages that are not stored."""


def compare_pages(
    a: ComparedMemory,
    b: ComparedMemory,
    names: tuple[str, str] = ("a", "b"),
    *,
    known: "Runs | None" = None,
    channels: int = 1,
    progress: Progress | None = None,
) -> PageDifferences:
    """Compare the contents of two blocks, up to the end of the shorter one.

    Args:
        a: a block of the first file.
        b: the block of the second.
        names: names of the two files for errors.
        known: whole pages to compare, whose contents both files know, as ranges of bytes; None for
            all.
        channels: number of threads.
        progress: called with the number of bytes of guest memory compared.

    Raises:
        TroubleError: one of them cannot be read.
    """
    sides = (_Side(a, names[0]), _Side(b, names[1]))
    page_size = min(side.page_size for side in sides)
    num_pages = min(a.used_length, b.used_length) // page_size
    differing = bytearray(bitmap_size(num_pages))
    remote = any(side.source is not None and side.source.is_remote for side in sides)
    step = (REMOTE_BATCH if remote else _BATCH) // page_size
    seen = None
    if known is not None:
        seen = Bitmap.from_runs(known.clip(0, num_pages * page_size) // page_size, num_pages)

    def compare(first: int) -> None:
        batch = _Batch(sides, page_size, first, min(first + step, num_pages), seen)
        if any(stored is not None for stored in batch.stored):
            pages = batch.compare()
            differing[first >> 3 : (first >> 3) + len(pages)] = pages
        if progress:
            progress(batch.num_pages * page_size)

    with sides[0].reading_ahead(), sides[1].reading_ahead():
        in_parallel(compare, iter(range(0, num_pages, step)), channels)
    return PageDifferences(
        a.idstr,
        page_size,
        stored_a=sides[0].count(page_size),
        stored_b=sides[1].count(page_size),
        differing=Bitmap(bytes(differing), num_pages),
        unknown=num_pages - seen.count() if seen else 0,
    )


class _Side:
    """Reader of one of the two blocks."""

    def __init__(self, memory: ComparedMemory, name: str) -> None:
        self.memory = memory
        self.name = name
        try:
            self.page_size = memory.page_size
            self._refuse_absurd()
            self.bitmap = memory.bitmap
        except (MappedRamError, OSError) as error:
            raise TroubleError(name, error) from error
        # Pages that are contiguous in the file are read without collecting them.
        self.place = memory.model.pages_offset if isinstance(memory, Block) else None
        self.source = memory.source if isinstance(memory, Block) else None

    def _refuse_absurd(self) -> None:
        """Refuse a sparse file that claims memory which takes no space in it, but would here."""
        problem = None
        if not is_page_size(self.page_size):
            problem = f"no target has a page size of {self.page_size} bytes"
        elif self.memory.used_length // self.page_size > _PAGES_MAX:
            problem = f"{self.memory.used_length:#x} bytes is more than any guest has"
        if problem:
            raise FormatError(f"block {self.memory.idstr!r}: {problem}")

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fill `view` from `offset` of the block on; pages that are not stored get any bytes."""
        try:
            if self.source is not None and self.place is not None:
                read_fully(self.source, view, self.place + offset)
            else:
                view[:] = self.memory.read(offset, len(view))
        except (MappedRamError, OSError) as error:
            raise TroubleError(self.name, error) from error

    def reading_ahead(self) -> AbstractContextManager[None]:
        """As for `Block`."""
        memory = self.memory
        if not isinstance(memory, Block):
            return nullcontext()
        return memory.reading_ahead(0, memory.used_length)

    def count(self, page_size: int) -> int:
        """Number of pages of that size in the file."""
        return self.bitmap.count() * (self.page_size // page_size)

    def stored(self, page_size: int, first: int, last: int) -> "Stored | None":
        """Pages of that size in [first, last) that are in the file; None if there are none."""
        import numpy as np

        ratio = self.page_size // page_size
        begin, end = first // ratio, -(-last // ratio)
        packed = self.bitmap.little[begin >> 3 : (end + 7) >> 3]
        if packed.count(0) == len(packed):
            return None
        return np.repeat(_bits(self.bitmap, begin, end), ratio)[: last - first]


def _bits(bitmap: Bitmap, first: int, last: int) -> "Stored":
    """One bool for each page of [first, last); `first` is a multiple of eight."""
    import numpy as np

    packed = np.frombuffer(bitmap.little[first >> 3 : (last + 7) >> 3], np.uint8)
    return np.unpackbits(packed, count=last - first, bitorder="little").view(bool)


class _Pieces(NamedTuple):
    """Pieces to read: those of window n are `bounds[n]` to `bounds[n + 1]`."""

    bounds: list[int]
    starts: list[int]
    stops: list[int]

    def of(self, window: int) -> Iterator[tuple[int, int]]:
        """Half-open ranges of bytes in the window."""
        for index in range(self.bounds[window], self.bounds[window + 1]):
            yield self.starts[index], self.stops[index]


class _Batch:
    """A batch of windows of both files."""

    def __init__(
        self,
        sides: tuple[_Side, _Side],
        page_size: int,
        first: int,
        last: int,
        known: Bitmap | None,
    ) -> None:
        self.sides = sides
        self.page_size = page_size
        self.first = first
        self.num_pages = last - first
        self.stored = [side.stored(page_size, first, last) for side in sides]
        if known is not None:
            kept = _bits(known, first, last)
            self.stored = [None if one is None else one & kept for one in self.stored]

    def compare(self) -> bytes:
        """Differing pages, as the bytes of a bitmap."""
        import numpy as np

        per_window = WINDOW // self.page_size
        stored = [_windows(pages, self.num_pages, per_window) for pages in self.stored]
        pieces = [_pieces(one, self.page_size) for one in stored]
        alike = (stored[0] == stored[1]).all(axis=1)
        buffers = bytearray(WINDOW), bytearray(WINDOW)
        differing = np.zeros_like(stored[0])
        with memoryview(buffers[0]) as view_a, memoryview(buffers[1]) as view_b:
            for window in np.flatnonzero((stored[0] | stored[1]).any(axis=1)).tolist():
                offset = self.first * self.page_size + window * WINDOW
                for side, part, view in zip(self.sides, pieces, (view_a, view_b), strict=True):
                    for start, stop in part.of(window):
                        side.read_into(view[start:stop], offset + start)
                if alike[window] and _are_equal(buffers[0], view_b, pieces[0].of(window)):
                    continue
                rows = [one[window] for one in stored]
                differing[window] = self._differing_pages((view_a, view_b), rows)
        return np.packbits(differing.ravel()[: self.num_pages], bitorder="little").tobytes()

    def _differing_pages(self, views: Sequence[memoryview], stored: Sequence["Stored"]) -> "Stored":
        """Differing pages of one window; pages that are not stored count as zeros."""
        import numpy as np

        pages = []
        for view, row in zip(views, stored, strict=True):
            # Nothing was read of a file without pages here.
            words = np.frombuffer(view if row.any() else _ZEROS, np.uint64)
            pages.append(words.reshape(len(row), -1))
            if row.any() and not row.all():
                pages[-1][~row] = 0
        return np.asarray((pages[0] != pages[1]).any(axis=1))


def _are_equal(a: bytearray, b: memoryview, pieces: Iterator[tuple[int, int]]) -> bool:
    """Whether the pieces are equal; `startswith` is a `memcmp` without a copy."""
    return all(a.startswith(b[start:stop], start) for start, stop in pieces)


def _windows(stored: "Stored | None", num_pages: int, per_window: int) -> "Stored":
    """A row for each window; the last one is filled up with pages that are not stored."""
    import numpy as np

    rows = np.zeros(-(-num_pages // per_window) * per_window, bool)
    if stored is not None:
        rows[:num_pages] = stored
    return rows.reshape(-1, per_window)


def _pieces(stored: "Stored", page_size: int) -> _Pieces:
    """Runs of stored pages of each window, joined across short gaps."""
    import numpy as np

    # A clear bit on both sides makes every run begin and end in its row.
    framed = np.pad(stored, ((0, 0), (1, 1)))
    width = framed.shape[1]
    edges = np.flatnonzero(np.diff(framed.ravel())).reshape(-1, 2)
    windows = edges[:, 0] // width
    starts, stops = edges.T - windows * width
    apart = (windows[1:] != windows[:-1]) | (starts[1:] - stops[:-1] > _GAP // page_size)
    begins = np.flatnonzero(np.concatenate(([True] * min(1, len(edges)), apart)))
    ends = np.concatenate((begins[1:], [len(edges)]))[: len(begins)] - 1
    bounds = np.searchsorted(windows[begins], np.arange(len(stored) + 1))
    return _Pieces(
        bounds.tolist(),
        (starts[begins] * page_size).tolist(),
        (stops[ends] * page_size).tolist(),
    )
