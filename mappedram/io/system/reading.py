"""Reading: bytes at an offset, sizes, and data ranges."""

import os
import stat
from collections.abc import Iterator, Sequence
from errno import ENXIO
from typing import TYPE_CHECKING

from mappedram.errors import TruncatedError
from mappedram.io.system import calls
from mappedram.io.system.names import named

if TYPE_CHECKING:
    from mmap import mmap

#: Descriptions of file types.
KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
}
#: Maximum number of pieces in one call: IOV_MAX of Linux.
PIECES_MAX = 1024
#: Unit of `st_blocks`, whatever the block size of the file system.
_SECTOR = 512


def kind_of(fd: int) -> int:
    """The type of an open file, one of `stat.S_IF*`.

    Raises:
        OSError: it cannot be determined.
    """
    return stat.S_IFMT(status_of(fd).st_mode)


def is_device(fd: int) -> bool:
    """Whether it is a block device, which has no holes and a fixed size.

    Raises:
        OSError: it cannot be determined.
    """
    return kind_of(fd) == stat.S_IFBLK


def size_of(fd: int) -> int:
    """Size in bytes of a file or of a block device (`fstat` returns 0 for the latter).

    Raises:
        OSError: it is not seekable.
    """
    try:
        return calls.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        raise named(error, fd) from None


def allocated_size(fd: int) -> int:
    """Bytes that a file takes on disk, without holes; the full size of a device.

    Raises:
        OSError: it cannot be determined.
    """
    status = status_of(fd)
    return size_of(fd) if stat.S_ISBLK(status.st_mode) else status.st_blocks * _SECTOR


def stamp_of(fd: int) -> tuple[int, int]:
    """Size of a file, and its time of modification in nanoseconds; devices have no such time.

    Raises:
        OSError: it cannot be determined.
    """
    return size_of(fd), status_of(fd).st_mtime_ns


def read(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes at `offset`; fewer only at the end of the file.

    Raises:
        OSError: reading failed.
    """
    parts = []
    while length > 0:
        try:
            part = calls.pread(fd, length, offset)
        except OSError as error:
            raise named(error, fd, offset) from None
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_into(fd: int, views: Sequence[memoryview], offset: int) -> bool:
    """Fill up to `PIECES_MAX` consecutive pieces of memory with one call.

    Returns:
        Whether all are full; if not, their contents are undefined, and `read` gives the error.
    """
    try:
        return calls.preadv(fd, views, offset) == sum(map(len, views))
    except OSError:
        return False


def extents(fd: int, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of [start, end) that are not holes; all of it if the system does not report holes.

    Args:
        fd: an open file, not a block device.
        start: first byte.
        end: end offset, exclusive.
        size: bytes of the file, as far as known.

    Raises:
        TruncatedError: the file has become shorter than `end`.
    """
    while start < end:
        data = _data(fd, start, end, size)
        hole = end if data is None else _hole(fd, data, end)
        if data is None or data < end:
            yield start if data is None else data, hole
        start = hole


def _data(fd: int, start: int, end: int, size: int) -> int | None:
    """First byte from `start` on that is not in a hole; `end` or more if there is none.

    None if the system does not report holes.
    """
    try:
        data = calls.lseek(fd, start, os.SEEK_DATA)
    except OSError as error:
        if error.errno != ENXIO:
            return None
        # Either a hole extends to the end of the file, or the file now ends before `start`.
        now = size_of(fd)
        if now < end:
            raise TruncatedError("the file has shrunk while it was read", offset=now) from None
        return end
    return data if start <= data < size else None


def _hole(fd: int, data: int, end: int) -> int:
    """First byte of the next hole after `data`; `end` if none comes before it or is reported."""
    if data >= end:
        return end
    try:
        hole = calls.lseek(fd, data, os.SEEK_HOLE)
    except OSError:
        return end
    return min(hole, end) if hole > data else end


def map_file(fd: int, size: int) -> "mmap | None":
    """Map a file into memory, read-only.

    Returns:
        A `mmap.mmap`; None if the file cannot be mapped. Using it raises SIGBUS after the file has
        become shorter.
    """
    try:
        return calls.map_shared(fd, size)
    except (OSError, ValueError):
        return None


def status_of(fd: int) -> os.stat_result:
    """The status of an open file.

    Raises:
        OSError: it cannot be determined.
    """
    try:
        return calls.fstat(fd)
    except OSError as error:
        raise named(error, fd) from None
