"""An open file: bytes at an offset, its size, and its data ranges. Reads no more than requested."""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Self

from mappedram.errors import MappedRamError, TruncatedError, UnsupportedError
from mappedram.format.metadump import MAGIC
from mappedram.io import system
from mappedram.io.metadump import Packed

#: Bytes read by one request of `peek`: headers are close together, so one read serves several.
WINDOW = 8192
#: Bytes that are searched for nonzero ones at once.
_LOOK = 1 << 20

_REFUSED = {stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR}


class Source:
    """A seekable file, opened read-only. A metadump reads like its original file.

    Args:
        path_or_fd: a path, which is opened and closed here, or a descriptor, which stays open.

    Raises:
        OSError: it cannot be opened or is a directory.
        UnsupportedError: it is not seekable: a mapped-ram file has pages at fixed offsets.
        FormatError: it is a damaged metadump.
    """

    #: The container of a metadump; None for any other file.
    packed: Packed | None = None
    #: Whether it is a block device, which has a fixed size and no holes.
    is_device: bool = False
    #: How the stream was compressed in the file that this one was decompressed from; else None.
    compression: str | None = None

    def __init__(self, path_or_fd: str | os.PathLike[str] | int) -> None:
        self._owned = not isinstance(path_or_fd, int)
        self.name = f"<fd {path_or_fd}>" if isinstance(path_or_fd, int) else os.fspath(path_or_fd)
        self.fd = path_or_fd if isinstance(path_or_fd, int) else system.open_source(path_or_fd)
        try:
            self._refuse_unseekable()
            self.size = system.size_of(self.fd)
            if system.read(self.fd, len(MAGIC), 0) == MAGIC:
                self.packed = Packed(self.fd, self.size)
                self.size, self.is_device = self.packed.size, self.packed.is_device
        except BaseException as error:
            if isinstance(error, MappedRamError) and self._owned:
                error.filename = self.name
            self.close()
            raise
        self._window_offset = 0
        self._window = b""

    def _refuse_unseekable(self) -> None:
        kind = system.kind_of(self.fd)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(21, os.strerror(21), self.name)
        if kind in _REFUSED:
            raise UnsupportedError(
                f"{system.KINDS[kind]}, which cannot seek: a mapped-ram file has its pages at fixed"
                " offsets and must be a regular file or a block device"
            )
        self.is_device = kind == stat.S_IFBLK

    @property
    def allocated(self) -> int:
        """Bytes that the file takes on disk, without holes."""
        return system.allocated_size(self.fd)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer only at the end of the file.

        Raises:
            TruncatedError: the file has become shorter.
        """
        if self.packed:
            return self.packed.read(offset, length)
        wanted = max(0, min(length, self.size - offset))
        data = system.read(self.fd, wanted, offset)
        if len(data) < wanted:
            raise TruncatedError("the file shrank while it was read", offset=offset + len(data))
        return data

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
        # For a metadump, or a subclass with its own `read`, only `read` has the right bytes.
        is_file = self.packed is None and type(self).read is Source.read
        for first in range(0, len(views), system.PIECES_MAX):
            part = views[first : first + system.PIECES_MAX]
            if is_file and system.read_into(self.fd, part, offset):
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

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of [start, end) that are not holes, as half-open ranges of offsets.

        The whole range if the system does not report holes.

        Raises:
            TruncatedError: the file has become shorter.
        """
        end = min(end, self.size)
        if self.packed:
            yield from self.packed.extents(start, end)
        elif not self.is_device:
            yield from system.extents(self.fd, start, end, self.size)
        elif start < end:
            yield start, end

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
            raise UnsupportedError("a metadump does not contain the contents of pages")

    def close(self) -> None:
        """Close the file if it was opened here."""
        if self._owned and self.fd >= 0:
            system.release(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
