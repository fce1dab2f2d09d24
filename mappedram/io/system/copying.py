"""Copying inside the kernel."""

from mappedram.io.system import answers, calls
from mappedram.io.system.reading import is_device
from mappedram.io.system.writing import zero


def copy_range(source: int, target: int, length: int, start: int, place: int) -> int:
    """Copy up to `length` bytes from `start` in `source` to `place` in `target`.

    Returns:
        Number of bytes copied; 0 if the kernel refuses. The caller then reads and writes, and that
        reports the error and the file.
    """
    try:
        done = calls.copy_file_range(source, target, length, start, place)
    except OSError:
        return 0
    return done if 0 < done <= length else 0


def share(source: int, start: int, end: int, target: int, place: int) -> bool:
    """Share the blocks of [start, end) with `target`, if the file system can.

    Args:
        source: an open file.
        start: first byte; like `end` and `place`, a multiple of the block size.
        end: end offset, exclusive.
        target: a file open for writing.
        place: offset in the target; a hole, or bytes that will be overwritten.

    Returns:
        Whether it was done. If not, the target is unchanged there, or has zeros.

    Raises:
        OSError: a partial result cannot be overwritten with zeros.
    """
    try:
        calls.clone_range(source, start, end - start, target, place)
    except OSError as error:
        if not answers.CLONE.expects(error) and not is_device(target):
            zero(target, place, place + end - start)
        return False
    return True
