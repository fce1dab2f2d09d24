"""Files by name: opening, creating, renaming and removing them."""

import os
import stat
from contextlib import suppress
from errno import EBUSY
from pathlib import Path

from mappedram.io.system import answers, calls
from mappedram.io.system.names import forget, name, name_of, named

#: The null device.
_NULL = os.makedev(1, 3)
#: Extended attribute of Linux with the ACL.
_ACCESS_LIST = "system.posix_acl_access"


def open_source(path: str | os.PathLike[str]) -> int:
    """Open a file for reading, without waiting for a pipe's writer; return its descriptor.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        fd = calls.open(path, flags | os.O_NONBLOCK)
    except BlockingIOError:
        if not stat.S_ISREG(calls.stat(path).st_mode):
            raise
        fd = calls.open(path, flags)  # waits until the holder of a lease returns it
    else:
        os.set_blocking(fd, True)  # FUSE file systems see the flag with each call
    name(fd, path)
    return fd


def open_existing(path: str | os.PathLike[str]) -> int:
    """Open an existing file for reading and writing; return its descriptor.

    Raises:
        OSError: it cannot be opened.
    """
    fd = calls.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(fd, True)
    name(fd, path)
    return fd


def open_again(fd: int, offset: int) -> int:
    """A second descriptor for reading, positioned at `offset`, if possible with its own position.

    Raises:
        OSError: there are too many.
    """
    try:
        again = calls.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        again = os.dup(fd)  # shares its position with `fd`
    try:
        calls.lseek(again, offset, os.SEEK_SET)
    except OSError as error:
        calls.close(again)
        raise named(error, fd) from None
    return again


def create(path: str | os.PathLike[str], called: str | os.PathLike[str] | None = None) -> int:
    """Create a new private file for reading and writing; return its descriptor.

    Args:
        path: its path.
        called: its name in errors; `path` if not given.

    Raises:
        FileExistsError: the path exists.
        OSError: it cannot be created.
    """
    called = path if called is None else called
    try:
        fd = calls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        error.filename = os.fspath(called)
        raise
    name(fd, called)
    return fd


def open_appending(path: str | os.PathLike[str], *, exclusive: bool) -> int:
    """Open a file for reading and for adding at its end, creating it; return its descriptor.

    Args:
        path: its path.
        exclusive: refuse an existing file.

    Raises:
        FileExistsError: the path exists, and must not.
        OSError: it cannot be opened or created.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (exclusive and os.O_EXCL)
    try:
        fd = calls.open(path, flags, 0o666)
    except FileExistsError as error:
        error.strerror = "already exists (use --force to overwrite it)"
        raise
    name(fd, path)
    return fd


def stamp_at(path: str) -> tuple[int, int]:
    """Size of a file, and its time of modification in nanoseconds.

    Raises:
        OSError: it cannot be determined.
        ValueError: the name has a NUL byte.
    """
    status = calls.stat(path)
    return status.st_size, status.st_mtime_ns


def memory_file(title: str) -> int:
    """Open an empty file in memory, or else an unnamed one on disk; return its descriptor.

    Raises:
        OSError: no file can be made.
    """
    try:
        return calls.memfd_create(title, os.MFD_CLOEXEC)
    except OSError:
        from tempfile import TemporaryFile

        with TemporaryFile(buffering=0) as file:
            return os.dup(file.fileno())


def target_status(path: Path) -> tuple[int, bool] | None:
    """Type of an existing output.

    Returns:
        Its type, one of `stat.S_IF*`, and whether it is the null device; None if it does not exist.
        A symbolic link to a device counts as the device.

    Raises:
        OSError: it cannot be determined.
    """
    try:
        status = calls.stat(path, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode) and path.exists():
            followed = calls.stat(path)
            if stat.S_ISBLK(followed.st_mode) or stat.S_ISCHR(followed.st_mode):
                status = followed
    except FileNotFoundError:
        return None
    return stat.S_IFMT(status.st_mode), status.st_rdev == _NULL and stat.S_ISCHR(status.st_mode)


def open_device(path: Path) -> int:
    """Open a block device or the null device for writing; return its descriptor.

    Raises:
        OSError: it cannot be opened, or is in use.
    """
    try:
        fd = calls.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == EBUSY:
            error.strerror = "is in use: mounted, or part of another device"
            raise OSError(EBUSY, error.strerror, str(path)) from None
        raise
    name(fd, path)
    return fd


def set_mode(file: Path | int, mode: int) -> None:
    """Set the mode of a file, if its file system has modes.

    Raises:
        OSError: the file system has them, but refuses.
    """
    try:
        calls.chmod(file, mode)
    except OSError as error:
        if not answers.CHMOD.expects(error):
            raise named(error, file) if isinstance(file, int) else error from None


def give(fd: int, uid: int, gid: int) -> None:
    """Change the owner of a file, which only root may do.

    Raises:
        OSError: it cannot be changed.
    """
    try:
        calls.fchown(fd, uid, gid)
    except OSError as error:
        raise named(error, fd) from None


def exists(path: Path) -> bool:
    """Whether a path exists, including a dangling link.

    Since Python 3.14 `Path.exists` treats other errors as "no".

    Raises:
        OSError: it cannot be determined.
    """
    try:
        calls.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def holds_data(path: Path) -> bool:
    """Whether a path is a file that is not empty.

    Raises:
        OSError: it cannot be determined.
    """
    return exists(path) and calls.stat(path).st_size > 0


def access_of(file: str | Path | int) -> tuple[int, int, bool]:
    """Mode and group of a file, and whether an ACL may extend them.

    Raises:
        OSError: there is no such file.
    """
    status = calls.stat(file)
    try:
        has_list = bool(calls.getxattr(file, _ACCESS_LIST))
    except OSError as error:
        has_list = not answers.ACCESS_LIST.expects(error)
    return status.st_mode, status.st_gid, has_list


def close(fd: int) -> None:
    """Close a file. Some file systems report failed writes only now.

    Raises:
        OSError: a write failed.
    """
    called = name_of(fd)
    forget(fd)
    try:
        calls.close(fd)
    except OSError as error:
        error.filename = called
        raise


def release(fd: int) -> None:
    """Close a file that was only read: an error does not affect the data."""
    forget(fd)
    with suppress(OSError):
        calls.close(fd)


def publish(staged: Path, path: Path, *, replace: bool) -> None:
    """Give a file its final name; if two programs race for it, the first one wins.

    Args:
        staged: the file, in the same folder.
        path: its name.
        replace: whether an existing file of that name may be replaced.

    Raises:
        FileExistsError: there is one, and it may not be replaced.
        OSError: it cannot be renamed.
    """
    try:
        if replace:
            calls.rename(staged, path)
        elif not _linked(staged, path):
            _publish_reserved(staged, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        if isinstance(error, FileExistsError):
            error.strerror = "already exists (use --force to overwrite it)"
        raise


def _linked(staged: Path, path: Path) -> bool:
    """Give the file a second name; False if the file system has no hard links."""
    try:
        calls.link(staged, path)
    except FileExistsError:
        # NFS also reports this for a request that succeeded but whose reply was lost.
        if not os.path.samestat(calls.stat(staged), calls.stat(path, follow_symlinks=False)):
            raise
    except OSError:
        return False
    return True


def _publish_reserved(staged: Path, path: Path) -> None:
    calls.close(calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        calls.rename(staged, path)
    except BaseException:  # including a signal
        remove(path)
        raise


def move(path: Path, to: Path) -> None:
    """Rename a file or folder; it may replace a file or an empty folder.

    Raises:
        OSError: it cannot be renamed.
    """
    try:
        calls.rename(path, to)
    except OSError as error:
        error.filename, error.filename2 = str(to), None
        raise


def remove(path: Path) -> None:
    """Remove a file if it exists.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        calls.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        error.filename = str(path)
        raise
