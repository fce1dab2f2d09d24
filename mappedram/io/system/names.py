"""Names of open files, which the system leaves out of its errors."""

import os
import re

#: What the system calls a file that never had a name.
_UNNAMED = re.compile(r"#\d+ \(deleted\)")

_names: dict[int, str] = {}


def name(fd: int, path: str | os.PathLike[str]) -> None:
    """Let errors on `fd` name `path`, until `forget` is called; whoever opens it calls both."""
    _names[fd] = os.fspath(path)


def forget(fd: int) -> None:
    """Forget the name; the descriptor is about to be closed."""
    _names.pop(fd, None)


def name_of(fd: int) -> str:
    """The path of an open file, as far as it is known."""
    if fd in _names:
        return _names[fd]
    try:
        path = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return f"<fd {fd}>"
    folder, _, last = path.rpartition("/")
    return f"a temporary file in {folder}" if _UNNAMED.fullmatch(last) else path


def named(error: OSError, fd: int, offset: int | None = None) -> OSError:
    """The error, which now names the file, and the offset where it was met."""
    error.filename, error.filename2 = name_of(fd), None
    if offset is not None:
        error.strerror = f"{error.strerror} (at {offset:#x})"
    return error
