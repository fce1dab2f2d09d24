"""Writing: bytes at an offset, zeros and holes, and the end of a file."""

import os
import stat
from collections.abc import Sequence
from errno import EINVAL, EIO, ENOSPC
from typing import TYPE_CHECKING

from mappedram.io.system import answers, calls
from mappedram.io.system.names import name_of, named
from mappedram.io.system.reading import extents, kind_of, size_of, status_of

if TYPE_CHECKING:
    from mmap import mmap

#: Bytes zeroed by one call; an interruption takes effect between calls.
_ZERO_STEP = 1 << 30
#: Alignment of ranges that devices zero themselves: at least that of their logical blocks.
_ZERO_ALIGNMENT = 1 << 20
_ZEROS = bytes(1 << 18)


def write(fd: int, data: "memoryview | bytes", offset: int) -> None:
    """Write all of `data` at `offset`.

    Raises:
        OSError: writing failed.
    """
    done = _pwrite(fd, data, offset)
    while done < len(data):
        done += _pwrite(fd, memoryview(data)[done:], offset + done)


def _pwrite(fd: int, data: "memoryview | bytes", offset: int) -> int:
    try:
        done = calls.pwrite(fd, data, offset)
    except OSError as error:
        raise named(error, fd, offset) from None
    if done <= 0 < len(data):
        said = OSError(EIO, "the system writes nothing and does not say why")
        raise named(said, fd, offset)
    return done


def write_pieces(fd: int, pieces: Sequence[memoryview], offset: int) -> None:
    """Write up to `PIECES_MAX` consecutive pieces of memory, with one call if possible.

    Raises:
        OSError: writing failed.
    """
    try:
        done = calls.pwritev(fd, pieces, offset) if pieces else 0
    except OSError:
        done = 0
    for piece in pieces:
        if done < len(piece):
            write(fd, piece[max(0, done) :], offset + max(0, done))
        offset, done = offset + len(piece), done - len(piece)


def write_vector(fd: int, address: int, count: int, size: int, offset: int) -> bool:
    """Write the `count` pieces, `size` bytes in total, of a `struct iovec` array at `address`.

    Returns:
        Whether all was written; if not, `write` gives the error.
    """
    try:
        return calls.pwritev_array(fd, address, count, offset) == size
    except OSError:
        return False


# The start and the end of a file.


def begin(fd: int, start: int, end: int, *sources: int) -> None:
    """Prepare to rewrite [start, end), which then reads as zeros. Bytes before `start` stay.

    A regular file is truncated to `start`.

    Args:
        fd: a file or block device, open for writing.
        start: first byte that will be written.
        end: end offset of all that will be written, exclusive.
        sources: descriptors of files that will be read for it.

    Raises:
        OSError: the target is a device that is too small, is one of the sources, or was opened with
            O_APPEND; nothing was written then. Or writing failed.
    """
    refuse_source(fd, *sources)
    if calls.get_flags(fd) & os.O_APPEND:
        # Linux then ignores the offset of pwrite().
        raise OSError(EINVAL, "opened with O_APPEND: bytes would all go to its end", name_of(fd))
    kind = kind_of(fd)
    if kind == stat.S_IFBLK:
        size = size_of(fd)
        if end > size:
            raise OSError(
                ENOSPC,
                f"the device is too small: it has {size:#x} bytes, and {end:#x} are needed",
                name_of(fd),
            )
        zero(fd, start, end)
    elif kind == stat.S_IFREG and size_of(fd) != start:
        end_at(fd, start)


def refuse_source(fd: int, *sources: int) -> None:
    """Refuse to write into a source.

    Raises:
        OSError: `fd` is the same file or device as one of the sources.
    """
    own = status_of(fd)
    for source in sources:
        status = status_of(source)
        same_device = stat.S_ISBLK(own.st_mode) and own.st_rdev == status.st_rdev
        if os.path.samestat(own, status) or same_device:
            raise OSError(EINVAL, "is read from at the same time", name_of(fd))


def end_at(fd: int, size: int, was: int = 0) -> None:
    """End a file at `size`. A device keeps its size: its old bytes up to `was` become zeros.

    Raises:
        OSError: it cannot be changed.
    """
    kind = kind_of(fd)
    if kind == stat.S_IFBLK:
        zero(fd, size, was)
    elif kind == stat.S_IFREG:
        try:
            calls.ftruncate(fd, size)
        except OSError as error:
            now = size_of(fd)
            if now > size:
                raise named(error, fd, size) from None
            if now < size:
                write(fd, b"\0", size - 1)


def zero(fd: int, start: int, end: int) -> None:
    """Zero [start, end), with a hole or by writing.

    Raises:
        OSError: writing failed.
    """
    while start < end:
        stop = min(end, start - start % _ZERO_STEP + _ZERO_STEP)
        if not _punched(fd, start, stop):
            _zero_inside(fd, start, stop)
        start = stop


def _zero_inside(fd: int, start: int, end: int) -> None:
    """Zero a range with unaligned ends, which a device does not zero as a whole."""
    first = min(end, start + -start % _ZERO_ALIGNMENT)
    last = max(first, end - end % _ZERO_ALIGNMENT)
    inside = (first, last) != (start, end) and first < last and _punched(fd, first, last)
    for begin_, stop in ((start, first), (last, end)) if inside else ((start, end),):
        for at in range(begin_, stop, len(_ZEROS)):
            write(fd, _ZEROS[: stop - at], at)


def _punched(fd: int, start: int, end: int) -> bool:
    try:
        calls.punch_hole(fd, start, end - start)
    except OSError:
        return False
    return True


def fill_holes(fd: int) -> None:
    """Allocate disk space for every byte of a file; a device has no holes.

    Raises:
        OSError: there is no room.
    """
    if kind_of(fd) != stat.S_IFREG:
        return
    size = size_of(fd)
    try:
        calls.posix_fallocate(fd, 0, size)
    except OSError as error:
        if not answers.FILL_HOLES.expects(error):
            raise named(error, fd) from None
        position = 0
        for start, stop in [*extents(fd, 0, size, size), (size, size)]:
            for at in range(position, start, len(_ZEROS)):
                write(fd, _ZEROS[: start - at], at)
            position = stop


def flush(fd: int) -> None:
    """Wait until all written data is on the disk.

    Raises:
        OSError: writing failed.
    """
    try:
        calls.fsync(fd)
    except OSError as error:
        if not answers.FSYNC.expects(error):
            raise named(error, fd) from None


# Past the page cache.


def open_direct(fd: int) -> int | str:
    """A second descriptor of the file, with O_DIRECT; or the reason why there is none."""
    try:
        return calls.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        return f"the file system does not take O_DIRECT: {error.strerror}"


def direct_buffer(size: int) -> "mmap":
    """Writable memory that is aligned for O_DIRECT."""
    return calls.map_memory(size)


def write_direct(direct: int, data: memoryview, offset: int, fd: int) -> str | None:
    """Write all of `data` to the file through `direct`, its descriptor with O_DIRECT.

    Returns:
        The reason why a part went through the page cache; None if none did.

    Raises:
        OSError: writing failed.
    """
    done, why = 0, None
    while done < len(data) and why is None:
        try:
            written = calls.pwrite(direct, data[done:], offset + done)
        except OSError as error:
            if not answers.WRITE_DIRECT.expects(error):
                raise named(error, fd, offset + done) from None
            written = 0
            why = f"O_DIRECT takes no {len(data)} bytes at {offset:#x}: {error.strerror}"
        if written <= 0:
            why = why or "O_DIRECT writes nothing"
        done += max(0, written)
    if done < len(data):
        write(fd, data[done:], offset + done)
    return why
