"""What a snapshot is read from: bytes at an offset, a size, holes, and what tells of a change.

`Source` is what the rest of the package knows. Below it stand two families. A `StoredSource` has
bytes of its own and is what somebody opens (`opening`): a file (`file_source`), bytes in memory or
a file object (`memory_source`), and whatever else can bring a range of bytes. A `DerivedSource`
reads as another one would with changes that are not made yet.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

from mappedram.errors import TruncatedError, UnsupportedError
from mappedram.format.metadump import MAGIC
from mappedram.io import system
from mappedram.io.metadump import Packed

#: Bytes read by one request of `peek`: headers are close together, so one read serves several.
WINDOW = 8192
#: Bytes that are searched for nonzero ones at once.
_LOOK = 1 << 20


class Source(ABC):
    """Bytes that can be read at every offset, and never more of them than is asked for.

    Two questions have no answer in the bytes, and a source answers them: which parts are holes
    (`extents`, `hides_holes`), and whether it is still the file that it was (`stamp`). What only a
    file of this machine can do is asked for and may be refused: `view`, `share`, `copy_to`,
    `open_again`. Whoever asks has a way to do the same with `read`.

    Args:
        name: what messages call it.
        size: bytes.

    Attributes:
        name: what messages call it.
        size: bytes; of a metadump, those of the file that it was made of.
        packed: what a metadump says in the place of the file; None of any other file.
        is_device: whether it is a block device, whose size nobody chose, and which has no holes.
        descriptors: the files of this machine that it is read from, which nobody may write over.
    """

    packed: Packed | None = None
    is_device: bool = False
    descriptors: tuple[int, ...] = ()

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._window_offset = 0
        self._window = b""

    # What an implementation has to answer.

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only at the end of the file.

        Raises:
            TruncatedError: it ends earlier than it did.
            OSError: reading failed.
        """

    @abstractmethod
    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that are not holes, as half-open ranges of offsets.

        Where nothing tells, all of it.

        Raises:
            TruncatedError: the file has become shorter.
        """

    @abstractmethod
    def stamp(self) -> tuple[int, int]:
        """What changes if the file does: its size, and when it was changed in nanoseconds.

        Raises:
            OSError: it cannot be told.
        """

    # What it may know better.

    @property
    def allocated(self) -> int:
        """Bytes that the file takes where it is kept, holes left out."""
        return self.size

    @property
    def hides_holes(self) -> bool:
        """Whether `extents` may call data what was written as a hole."""
        return True

    def view(self, offset: int, length: int) -> memoryview | None:
        """The bytes where they are, read-only; None where they can only be copied.

        Nothing is read before they are used. They must not be used when the file shrinks.
        """
        del offset, length
        return None

    def share(self, start: int, end: int, target: int, place: int) -> bool:
        """Let a file share the blocks of [start, end) on the disk; whether that was done.

        Raises:
            OSError: zeros cannot be written over what is half done.
        """
        del start, end, target, place
        return False

    def copy_to(self, target: int, length: int, start: int, place: int) -> int:
        """Have the system copy bytes into a file; how many it did, 0 if it does not."""
        del target, length, start, place
        return 0

    def open_again(self, offset: int) -> int | None:
        """A descriptor of its own for another program, at an offset; None if there is no file."""
        del offset
        return None

    def _fill_at_once(self, views: Sequence[memoryview], offset: int) -> bool:
        """Fill pieces of memory by one call; whether all are full."""
        del views, offset
        return False

    def close(self) -> None:  # noqa: B027 - most have nothing to give up
        """Give up what was opened for it."""

    # What follows from that.

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
            if self._fill_at_once(part, offset):
                offset += sum(map(len, part))
                continue
            for view in part:  # also after a short read or at the end of the file
                data = self.read(offset, len(view))
                offset += len(data)
                if len(data) < len(view):
                    raise TruncatedError(
                        f"the file ends at {offset:#x}, or has shrunk while it was read",
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
        """Whether [start, end) has any nonzero byte, or data that a metadump left out."""
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
            raise UnsupportedError("a metadump: what the pages hold was left out of it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.size:#x} bytes>"


class StoredSource(Source):
    """Bytes that are kept somewhere. Of a metadump, the file that it was made of.

    An implementation brings a range of bytes, by `_stored`.
    """

    @abstractmethod
    def _stored(self, length: int, offset: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only where it ends now."""

    def _extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """As `extents`, of what is kept there itself."""
        if start < end:
            yield start, end

    def look_inside(self) -> None:
        """Read as the file that it was made of, if it is a metadump.

        Raises:
            FormatError: it is a metadump that is damaged.
        """
        if self._stored(len(MAGIC), 0) == MAGIC:
            self.packed = Packed(self._stored, self.size)
            self.size, self.is_device = self.packed.size, self.packed.is_device

    def read(self, offset: int, length: int) -> bytes:
        """See `Source.read`."""
        if self.packed:
            return self.packed.read(offset, length)
        wanted = max(0, min(length, self.size - offset))
        data = self._stored(wanted, offset)
        if len(data) < wanted:
            raise TruncatedError("the file has shrunk while it was read", offset=offset + len(data))
        return data

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """See `Source.extents`."""
        end = min(end, self.size)
        return self.packed.extents(start, end) if self.packed else self._extents(start, end)


class DerivedSource(Source):
    """What another source would read like with changes; that one stays as it is, and open.

    Attributes:
        base: the other one.
    """

    def __init__(self, base: Source) -> None:
        super().__init__(base.name, base.size)
        self.base = base
        self.packed, self.is_device = base.packed, base.is_device
        self.descriptors = base.descriptors

    def stamp(self) -> tuple[int, int]:
        """That of the file itself."""
        return self.base.stamp()

    @property
    def allocated(self) -> int:
        """That of the file itself."""
        return self.base.allocated

    @property
    def hides_holes(self) -> bool:
        """That of the file itself."""
        return self.base.hides_holes
