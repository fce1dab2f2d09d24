"""The file that a snapshot is written to."""

import os
import stat
from errno import ESPIPE
from pathlib import Path

from mappedram.errors import UnsupportedError
from mappedram.io import system


def create_file(path: str | os.PathLike[str]) -> int:
    """Create a file. An existing pipe is opened, so that the error can name it."""
    try:
        return system.create(path)
    except FileExistsError:
        standing = system.target_status(Path(path))
        if standing is None or standing[0] not in (stat.S_IFIFO, stat.S_IFCHR):
            raise
        return system.open_existing(path)


def refuse_unseekable(fd: int) -> None:
    """Refuse a pipe or a socket.

    Raises:
        UnsupportedError: it is one.
    """
    try:
        system.size_of(fd)
    except OSError as error:
        if error.errno != ESPIPE:
            raise
        raise UnsupportedError(
            "the target cannot be seeked in: mapped-ram puts every page at a fixed offset and"
            " needs a regular file, not a pipe or a socket"
        ) from error
