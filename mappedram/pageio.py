"""Moves runs of bytes between files at the speed of the disk, holes kept as holes."""

import errno
import os

from mappedram.errors import TruncatedError
from mappedram.source import Source

#: The kernel cannot copy between these two files; bytes then pass through a buffer.
_NOT_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF}
_BUFFER = 1 << 20


def copy_data(source: Source, start: int, end: int, target: int, shift: int = 0) -> None:
    """Copy what is not a hole in [start, end) of `source` to the descriptor `target`.

    Args:
        source: where from.
        start: first byte, an offset in the source.
        end: first byte that is not copied.
        target: descriptor of a seekable file, open for writing.
        shift: added to each offset in the target.

    Raises:
        TruncatedError: the source has shrunk meanwhile.
        OSError: reading or writing failed.
    """
    for first, last in source.extents(start, end):
        _copy(source, first, last, target, shift)


def _copy(source: Source, first: int, last: int, target: int, shift: int) -> None:
    in_kernel = True
    while first < last:
        if in_kernel:
            try:
                done = os.copy_file_range(source.fd, target, last - first, first, first + shift)
            except OSError as error:
                if error.errno not in _NOT_IN_KERNEL:
                    raise
                in_kernel = False
                continue
        else:
            done = os.pwrite(target, source.read(first, min(_BUFFER, last - first)), first + shift)
        if done == 0:
            raise TruncatedError("the file has shrunk while it was read", offset=first)
        first += done
