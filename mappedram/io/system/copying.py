"""Copying inside the kernel."""

from mappedram.io.system import answers, calls
from mappedram.io.system.reading import is_device
from mappedram.io.system.writing import zero


def copy_range(source: int, target: int, length: int, start: int, place: int) -> int:
    """Copy at most `length` bytes from `start` on to `place`.

    Returns:
        How many were copied; 0 where the kernel does not do it: then they have to be read and
        written, which says what is wrong, and with which of the two files.
    """
    try:
        done = calls.copy_file_range(source, target, length, start, place)
    except OSError:
        return 0
    return done if 0 < done <= length else 0


def share(source: int, start: int, end: int, target: int, place: int) -> bool:
    """Let `target` share the blocks of [start, end), where the file system can do so.

    Args:
        source: an open file.
        start: first byte; like `end` and `place`, a multiple of the block size.
        end: first byte behind.
        target: a file open for writing.
        place: where they are going to be in it; a hole, or what is going to be written over.

    Returns:
        Whether it was done. If not, there is what was there, or zeros.

    Raises:
        OSError: zeros cannot be written over what is half done.
    """
    try:
        calls.clone_range(source, start, end - start, target, place)
    except OSError as error:
        if not answers.CLONE.expects(error) and not is_device(target):
            zero(target, place, place + end - start)
        return False
    return True
