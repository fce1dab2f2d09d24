"""Files by their names: opening, creating, naming and removing them."""

import os
import stat
from contextlib import suppress
from errno import EBUSY
from pathlib import Path

from mappedram.io.system import answers, calls
from mappedram.io.system.names import forget, name, name_of, named

#: The device that keeps nothing.
_NULL = os.makedev(1, 3)
#: Where Linux keeps it.
_ACCESS_LIST = "system.posix_acl_access"


def open_source(path: str | os.PathLike[str]) -> int:
    """A descriptor for reading; a pipe is not waited for.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        fd = calls.open(path, flags | os.O_NONBLOCK)
    except BlockingIOError:
        if not stat.S_ISREG(calls.stat(path).st_mode):
            raise
        fd = calls.open(path, flags)  # waits for somebody who holds a lease to give it back
    else:
        os.set_blocking(fd, True)  # a FUSE is told of the flag with each call
    name(fd, path)
    return fd


def open_existing(path: str | os.PathLike[str]) -> int:
    """A descriptor for reading and writing of what is there.

    Raises:
        OSError: it cannot be opened.
    """
    fd = calls.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(fd, True)
    name(fd, path)
    return fd


def open_again(fd: int, offset: int) -> int:
    """A second descriptor for reading that stands at `offset`, if it can without moving the first.

    Raises:
        OSError: there are too many.
    """
    try:
        again = calls.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        again = os.dup(fd)  # the position is that of both
    try:
        calls.lseek(again, offset, os.SEEK_SET)
    except OSError as error:
        calls.close(again)
        raise named(error, fd) from None
    return again


def create(path: str | os.PathLike[str], called: str | os.PathLike[str] | None = None) -> int:
    """A descriptor for reading and writing of a new file, which nobody else may read.

    Args:
        path: where it is made.
        called: what errors call it; `path` if not given.

    Raises:
        FileExistsError: something is there.
        OSError: it cannot be made.
    """
    called = path if called is None else called
    try:
        fd = calls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        error.filename = os.fspath(called)
        raise
    name(fd, called)
    return fd


def memory_file(title: str) -> int:
    """A descriptor of an empty file that takes no disk, or else has no name on it.

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
    """What stands where a file is to be written.

    Returns:
        Its type, one of `stat.S_IF*`, and whether it is the device that keeps nothing; None if
        nothing is there. Of a symbolic link to a device, those of the device.

    Raises:
        OSError: it cannot be told.
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
    """A descriptor of a block device, or of the device that keeps nothing, for writing.

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
    """Say who may read and write a file, if its file system can keep that.

    Raises:
        OSError: it could, but does not.
    """
    try:
        calls.chmod(file, mode)
    except OSError as error:
        if not answers.CHMOD.expects(error):
            raise named(error, file) if isinstance(file, int) else error from None


def give(fd: int, uid: int, gid: int) -> None:
    """Give a file to another user, which only root may do.

    Raises:
        OSError: it cannot be given.
    """
    try:
        calls.fchown(fd, uid, gid)
    except OSError as error:
        raise named(error, fd) from None


def exists(path: Path) -> bool:
    """Whether something stands at a path, which may be a link to it.

    `Path.exists` takes other errors for "no" since Python 3.14.

    Raises:
        OSError: it cannot be told.
    """
    try:
        calls.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def holds_data(path: Path) -> bool:
    """Whether there is a file at a path that is not empty.

    Raises:
        OSError: it cannot be told.
    """
    return exists(path) and calls.stat(path).st_size > 0


def access_of(file: str | Path | int) -> tuple[int, int, bool]:
    """Mode and group of a file, and whether an access list may say more.

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
    """Close a file. Some file systems say only now that they could not write something.

    Raises:
        OSError: that is so.
    """
    called = name_of(fd)
    forget(fd)
    try:
        calls.close(fd)
    except OSError as error:
        error.filename = called
        raise


def release(fd: int) -> None:
    """Close a file that was only read: an error changes nothing of what was read."""
    forget(fd)
    with suppress(OSError):
        calls.close(fd)


def publish(staged: Path, path: Path, *, replace: bool) -> None:
    """Give a file its name; of two programs that race for one, the first has it.

    Args:
        staged: the file, in the same folder.
        path: its name.
        replace: whether another file of that name may be there, and goes.

    Raises:
        FileExistsError: there is one, and it may not.
        OSError: it cannot be given the name.
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
    """Give the file a second name; False where it cannot have two."""
    try:
        calls.link(staged, path)
    except FileExistsError:
        # NFS also says so of a request that it carried out and whose answer was lost.
        if not os.path.samestat(calls.stat(staged), calls.stat(path, follow_symlinks=False)):
            raise
    except OSError:
        return False
    return True


def _publish_reserved(staged: Path, path: Path) -> None:
    calls.close(calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        calls.rename(staged, path)
    except BaseException:  # a signal, too
        remove(path)
        raise


def move(path: Path, to: Path) -> None:
    """Give a file or folder another name, in the place of a file or empty folder there.

    Raises:
        OSError: it cannot be given the name.
    """
    try:
        calls.rename(path, to)
    except OSError as error:
        error.filename, error.filename2 = str(to), None
        raise


def remove(path: Path) -> None:
    """Remove a file, if it is there.

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
