"""Reading: bytes at an offset, sizes, and where a file has data."""

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

#: What stands at a path, by the type of its inode.
KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
}
#: The most pieces of memory that one call takes: IOV_MAX of Linux.
PIECES_MAX = 1024
#: What `st_blocks` counts, whatever the block size of the file system is.
_SECTOR = 512


def kind_of(fd: int) -> int:
    """The type of an open file, one of `stat.S_IF*`.

    Raises:
        OSError: it cannot be told.
    """
    return stat.S_IFMT(status_of(fd).st_mode)


def is_device(fd: int) -> bool:
    """Whether it is a block device: without holes, and of a size that nobody chose.

    Raises:
        OSError: that cannot be told.
    """
    return kind_of(fd) == stat.S_IFBLK


def size_of(fd: int) -> int:
    """Bytes of a file or of a block device, of which `fstat` says 0.

    Raises:
        OSError: it cannot be seeked in.
    """
    try:
        return calls.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        raise named(error, fd) from None


def allocated_size(fd: int) -> int:
    """Bytes that a file takes on the disk, holes left out; of a device, all of it.

    Raises:
        OSError: it cannot be told.
    """
    status = status_of(fd)
    return size_of(fd) if stat.S_ISBLK(status.st_mode) else status.st_blocks * _SECTOR


def stamp_of(fd: int) -> tuple[int, int]:
    """Size of a file, and the time of its last change in nanoseconds; a device has no such time.

    Raises:
        OSError: it cannot be told.
    """
    return size_of(fd), status_of(fd).st_mtime_ns


def read(fd: int, length: int, offset: int) -> bytes:
    """At most `length` bytes at `offset`; fewer only where the file ends.

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
    """Fill pieces of memory, at most `PIECES_MAX`, one behind the other by one call.

    Returns:
        Whether all are full; if not, they hold anything, and `read` says why.
    """
    try:
        return calls.preadv(fd, views, offset) == sum(map(len, views))
    except OSError:
        return False


def extents(fd: int, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of [start, end) that are not holes; all of it where the system does not tell.

    Args:
        fd: an open file, not a block device.
        start: first byte.
        end: first byte behind.
        size: bytes of the file, as far as is known.

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
    """The first byte from `start` on that is not in a hole; `end` or more if there is none.

    None where the system does not tell.
    """
    try:
        data = calls.lseek(fd, start, os.SEEK_DATA)
    except OSError as error:
        if error.errno != ENXIO:
            return None
        # A hole up to the end of the file; or the file ends before `start` now.
        now = size_of(fd)
        if now < end:
            raise TruncatedError("the file has shrunk while it was read", offset=now) from None
        return end
    return data if start <= data < size else None


def _hole(fd: int, data: int, end: int) -> int:
    """The first byte of the hole behind `data`; `end` if none comes before, or nobody tells."""
    if data >= end:
        return end
    try:
        hole = calls.lseek(fd, data, os.SEEK_HOLE)
    except OSError:
        return end
    return min(hole, end) if hole > data else end


def map_file(fd: int, size: int) -> "mmap | None":
    """The file in memory, read-only; None where that cannot be.

    Returns:
        A `mmap.mmap`. Using it raises SIGBUS where the file has become shorter.
    """
    try:
        return calls.map_shared(fd, size)
    except (OSError, ValueError):
        return None


def status_of(fd: int) -> os.stat_result:
    """What the system says of an open file.

    Raises:
        OSError: nothing.
    """
    try:
        return calls.fstat(fd)
    except OSError as error:
        raise named(error, fd) from None
