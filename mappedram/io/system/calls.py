"""The bare system calls, without decisions. Tests replace them.

Each raises `OSError` as the system reports it.
"""

import os
from functools import cache
from os import (
    chmod,
    close,
    copy_file_range,
    fchown,
    fstat,
    fsync,
    ftruncate,
    getxattr,
    link,
    lseek,
    memfd_create,
    open,  # noqa: A004
    posix_fallocate,
    pread,
    preadv,
    pwrite,
    pwritev,
    rename,
    stat,
    unlink,
)
from struct import pack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmap import mmap

__all__ = [
    "chmod",
    "clone_range",
    "close",
    "copy_file_range",
    "fchown",
    "fstat",
    "fsync",
    "ftruncate",
    "get_flags",
    "getxattr",
    "link",
    "lseek",
    "map_memory",
    "map_shared",
    "memfd_create",
    "open",
    "posix_fallocate",
    "pread",
    "preadv",
    "punch_hole",
    "pwrite",
    "pwritev",
    "pwritev_array",
    "rename",
    "stat",
    "unlink",
]

#: include/uapi/linux/fs.h: _IOW(0x94, 13, struct file_clone_range)
_FICLONERANGE = 0x4020940D
#: include/uapi/linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_PUNCH_HOLE = 0x01 | 0x02


def get_flags(fd: int) -> int:
    """The flags of an open descriptor: fcntl(F_GETFL)."""
    from fcntl import F_GETFL, fcntl

    return fcntl(fd, F_GETFL)


def clone_range(source: int, start: int, length: int, target: int, place: int) -> None:
    """ioctl(FICLONERANGE): share blocks of `source` with `target`."""
    from fcntl import ioctl

    ioctl(target, _FICLONERANGE, pack("qQQQ", source, start, length, place))


def punch_hole(fd: int, offset: int, length: int) -> None:
    """fallocate(FALLOC_FL_PUNCH_HOLE): make a range a hole, which reads as zeros."""
    from ctypes import c_int, c_longlong

    call = _function("fallocate", c_int, (c_int, c_int, c_longlong, c_longlong))
    _checked(call(fd, _PUNCH_HOLE, offset, length))


def pwritev_array(fd: int, address: int, count: int, offset: int) -> int:
    """pwritev() of `count` entries of a `struct iovec` array at `address`; return bytes written.

    `os.pwritev` takes an object for each piece, which costs more than writing it.
    """
    from ctypes import c_int, c_longlong, c_ssize_t, c_void_p

    call = _function("pwritev", c_ssize_t, (c_int, c_void_p, c_int, c_longlong))
    return _checked(call(fd, address, count, offset))


def map_shared(fd: int, size: int) -> "mmap":
    """mmap(PROT_READ, MAP_SHARED) of the first `size` bytes."""
    from mmap import ACCESS_READ, mmap

    return mmap(fd, size, access=ACCESS_READ)


def map_memory(size: int) -> "mmap":
    """mmap(MAP_ANONYMOUS): page-aligned memory."""
    from mmap import mmap

    return mmap(-1, size)


@cache
def _function(name: str, returns: Any, takes: tuple[Any, ...]) -> Any:
    """A function of the C library, with 64-bit offsets on every machine."""
    from ctypes import CDLL

    library = CDLL(None, use_errno=True)
    function = getattr(library, f"{name}64", None) or getattr(library, name)
    function.restype, function.argtypes = returns, takes
    return function


def _checked(result: int) -> int:
    if result < 0:
        from ctypes import get_errno

        code = get_errno()
        raise OSError(code, os.strerror(code))
    return result
