"""The interface of everything that a snapshot is read from: ranges of bytes, size, holes, identity.

The rest of the package uses `Source` and never asks which kind it has. There are two families. A
`StoredSource` has bytes of its own: a file (`file_source`), memory or a file object
(`memory_source`), an object on another host (`remote`); `opening` makes them. A `DerivedSource`
reads another source with changes that are not written yet. Both read no more than requested, except
over a network.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Self

from mappedram.errors import TruncatedError, UnsupportedError
from mappedram.format.metadump import MAGIC
from mappedram.io import system
from mappedram.io.metadump import Packed

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes read by one request of `peek`: headers are close together, so one read serves several.
WINDOW = 8192
#: Bytes that are searched for nonzero ones at once.
_LOOK = 1 << 20


class Source(ABC):
    """Bytes that can be read at every offset.

    An implementation reads ranges (`read`), knows the holes (`extents`, `hides_holes`) and tells
    whether the file has changed (`stamp`). Some operations need a local file: `view`, `share`,
    `copy_to` and `open_again` may decline, and their callers then use `read`.

    Args:
        name: name for messages.
        size: number of bytes.

    Attributes:
        name: name for messages.
        size: number of bytes; for a metadump, the size of the original file.
        packed: the container of a metadump; None for any other file.
        is_remote: whether reading takes requests over a network, so that what is rarely of
            interest is not read.
        is_device: whether its size says nothing of the stream in it: a block device, or the VM
            state in a disk image.
        recycled: whether bytes that the stream does not mean may be those of an earlier one, as in
            a disk image, whose clusters are used again.
        chosen: id of the snapshot in a disk image; None for any other file.
        compression: how the stream was compressed in the file that this one was decompressed
            from; None for any other file.
        descriptors: descriptors of the local files that it reads; outputs must not replace these.
        address: absolute path or URL under which another process finds it; None if there is none.
    """

    packed: Packed | None = None
    is_remote: bool = False
    is_device: bool = False
    recycled: bool = False
    chosen: str | None = None
    compression: str | None = None
    descriptors: tuple[int, ...] = ()
    address: str | None = None

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._window_offset = 0
        self._window = b""

    # Every implementation has these.

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only at the end of the file.

        Raises:
            TruncatedError: the file has become shorter.
            OSError: reading failed.
        """

    @abstractmethod
    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that are not holes, as half-open ranges of offsets.

        The whole range if nothing reports holes.

        Raises:
            TruncatedError: the file has become shorter.
        """

    @abstractmethod
    def stamp(self) -> tuple[int, int]:
        """Size and time of the last change in nanoseconds; both 0 or constant if unknown.

        Raises:
            OSError: the system does not say.
        """

    # Defaults, for a source that is not a local file.

    @property
    def allocated(self) -> int:
        """Bytes that the file takes in storage, without holes."""
        return self.size

    @property
    def hides_holes(self) -> bool:
        """Whether `extents` may report holes as data, so that zeros may be holes."""
        return True

    def view(self, offset: int, length: int) -> memoryview | None:
        """The bytes in place, read-only, without a copy; None if that is not possible.

        Nothing is read before the bytes are used. Using them after the file has shrunk is an error
        of the system (SIGBUS).
        """
        del offset, length
        return None

    def share(self, start: int, end: int, target: int, place: int) -> bool:
        """Share the blocks of [start, end) with another file; return whether it was done.

        Raises:
            OSError: a partial result cannot be overwritten with zeros.
        """
        del start, end, target, place
        return False

    def copy_to(self, target: int, length: int, start: int, place: int) -> int:
        """Let the kernel copy bytes into a file; return how many it copied, 0 if it cannot."""
        del target, length, start, place
        return 0

    def open_again(self, offset: int) -> int | None:
        """A separate descriptor at an offset, for other programs; None without a local file."""
        del offset
        return None

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Take the hint that these half-open ranges are read next, in any order."""
        del ranges

    def reading_ahead(self, runs: "Runs", times: int = 1) -> AbstractContextManager[None]:
        """Take the hint that, in the block, these ranges are read in order.

        Several threads may take turns. Other bytes between the first and the last range may then be
        read as zeros.

        Args:
            runs: the ranges, ascending.
            times: how often each range is read before the next one.
        """
        del runs, times
        return nullcontext()

    def tell_cost(self, why: str) -> None:
        """Tell the user why much is fetched of a remote file."""
        del why

    def fill_at_once(self, views: Sequence[memoryview], offset: int) -> bool:
        """Fill pieces of memory with one system call; return whether all are full."""
        del views, offset
        return False

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Close everything that was opened for this source."""

    # Built on the above.

    def read_exactly(self, offset: int, length: int, what: str) -> bytes:
        """`length` bytes at `offset`.

        Raises:
            TruncatedError: the file ends before.
        """
        if offset + length > self.size:
            raise TruncatedError(
                f"{what} ends at {offset + length:#x}, but the file at {self.size:#x}",
                offset=offset,
            )
        return self.read(offset, length)

    def read_around_holes(self, offset: int, length: int, what: str) -> bytes | bytearray:
        """Read mostly empty ranges: like `read_exactly`, but holes cost no reading and no memory.

        Raises:
            TruncatedError: the file ends before.
        """
        extents = list(self.extents(offset, offset + length))
        if extents == [(offset, offset + length)] or offset + length > self.size:
            return self.read_exactly(offset, length, what)
        data = bytearray(length)
        for start, end in extents:
            data[start - offset : end - offset] = self.read_exactly(start, end - start, what)
        return data

    def fill(self, views: Sequence[memoryview], offset: int) -> None:
        """Fill consecutive pieces of memory from `offset` on.

        Raises:
            TruncatedError: the file ends before.
        """
        for first in range(0, len(views), system.PIECES_MAX):
            part = views[first : first + system.PIECES_MAX]
            if self.fill_at_once(part, offset):
                offset += sum(map(len, part))
                continue
            for view in part:  # also after a short read or at the end of the file
                data = self.read(offset, len(view))
                offset += len(data)
                if len(data) < len(view):
                    raise TruncatedError(
                        f"the file ends at {offset:#x}, or shrank while it was read",
                        offset=offset,
                    )
                view[:] = data

    def peek(self, offset: int, length: int) -> bytes:
        """Like `read`, for small pieces: keeps a window, as the next piece is usually close."""
        start = offset - self._window_offset
        if not (start >= 0 and start + length <= len(self._window)):
            self._window = self.read(offset, max(length, WINDOW))
            self._window_offset, start = offset, 0
        return self._window[start : start + length]

    def has_data(self, start: int, end: int) -> bool:
        """Whether [start, end) has any nonzero byte, or data that a metadump left out.

        Of a remote file only the beginning is read.
        """
        if self.is_remote:
            end = min(end, start + _LOOK)
        if any(True for _ in self.left_out(start, end)):
            return True
        for first, last in self.extents(start, end):
            for at in range(first, last, _LOOK):
                data = self.read(at, min(_LOOK, last - at))
                if data.count(0) < len(data):
                    return True
        return False

    def left_out(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that a metadump left out; their zeros mean nothing."""
        return self.packed.left_out(start, end) if self.packed else iter(())

    def refuse_pages(self) -> None:
        """Refuse to read the contents of pages that a metadump left out.

        Raises:
            UnsupportedError: they were left out.
        """
        if self.packed:
            raise UnsupportedError("a metadump does not contain the contents of pages")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.size:#x} bytes>"


class StoredSource(Source):
    """A source with bytes of its own. A metadump reads like its original file.

    An implementation reads ranges of the bytes as they are stored, with `_stored`.
    """

    @abstractmethod
    def _stored(self, length: int, offset: int) -> bytes:
        """Up to `length` stored bytes at `offset`; fewer only at the end."""

    def _extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """`extents` of the bytes as they are stored."""
        if start < end:
            yield start, end

    def look_inside(self) -> None:
        """Switch to the original file if this is a metadump.

        Raises:
            FormatError: it is a damaged metadump.
        """
        if self._stored(len(MAGIC), 0) == MAGIC:
            self.packed = Packed(self._stored, self.size)
            self.size, self.is_device = self.packed.size, self.packed.is_device
            self.recycled = self.packed.recycled

    def read(self, offset: int, length: int) -> bytes:
        """As for `Source`."""
        if self.packed:
            return self.packed.read(offset, length)
        wanted = max(0, min(length, self.size - offset))
        data = self._stored(wanted, offset)
        if len(data) < wanted:
            raise TruncatedError("the file shrank while it was read", offset=offset + len(data))
        return data

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """As for `Source`."""
        end = min(end, self.size)
        return self.packed.extents(start, end) if self.packed else self._extents(start, end)


class DerivedSource(Source):
    """Another source with changes that are not written. The other source stays unchanged and open.

    Attributes:
        base: the other source.
    """

    def __init__(self, base: Source) -> None:
        super().__init__(base.name, base.size)
        self.base = base
        self.packed, self.is_device = base.packed, base.is_device
        self.is_remote = base.is_remote
        self.recycled = base.recycled
        self.chosen = base.chosen
        self.compression = base.compression
        self.descriptors = base.descriptors

    def stamp(self) -> tuple[int, int]:
        """As for the base."""
        return self.base.stamp()

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """As for the base."""
        self.base.prefetch(ranges)

    def tell_cost(self, why: str) -> None:
        """As for the base."""
        self.base.tell_cost(why)

    def reading_ahead(self, runs: "Runs", times: int = 1) -> AbstractContextManager[None]:
        """As for the base."""
        return self.base.reading_ahead(runs, times)

    @property
    def allocated(self) -> int:
        """As for the base."""
        return self.base.allocated

    @property
    def hides_holes(self) -> bool:
        """As for the base."""
        return self.base.hides_holes
