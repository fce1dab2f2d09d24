"""Names of open files, which errors of the system lack."""

import os
import re

#: The system's name for a file that never had one.
_UNNAMED = re.compile(r"#\d+ \(deleted\)")

_names: dict[int, str] = {}


def name(fd: int, path: str | os.PathLike[str]) -> None:
    """Name `path` in errors on `fd` until `forget` is called; whoever opens the file calls both."""
    _names[fd] = os.fspath(path)


def forget(fd: int) -> None:
    """Forget the name before the descriptor is closed."""
    _names.pop(fd, None)


def name_of(fd: int) -> str:
    """The path of an open file, as far as known."""
    if fd in _names:
        return _names[fd]
    try:
        path = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return f"<fd {fd}>"
    folder, _, last = path.rpartition("/")
    return f"a temporary file in {folder}" if _UNNAMED.fullmatch(last) else path


def named(error: OSError, fd: int, offset: int | None = None) -> OSError:
    """The error with the name of the file, and the offset if given."""
    error.filename, error.filename2 = name_of(fd), None
    if offset is not None:
        error.strerror = f"{error.strerror} (at {offset:#x})"
    return error
