"""Simulated results of system calls."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EBADF,
    EBUSY,
    EDQUOT,
    EEXIST,
    EFAULT,
    EFBIG,
    EINTR,
    EINVAL,
    EIO,
    EISDIR,
    ELOOP,
    EMFILE,
    EMLINK,
    ENODEV,
    ENOENT,
    ENOLCK,
    ENOMEM,
    ENOSPC,
    ENOSYS,
    ENOTSUP,
    ENOTTY,
    ENXIO,
    EOVERFLOW,
    EPERM,
    EPIPE,
    EREMOTEIO,
    EROFS,
    ESPIPE,
    ESTALE,
    ETIMEDOUT,
    ETXTBSY,
    EXDEV,
)
from typing import Any
from unittest import mock

from mappedram.io.system import calls

NUMBERS = (
    *(E2BIG, EACCES, EAGAIN, EBADF, EBUSY, EDQUOT, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO),
    *(EISDIR, ELOOP, EMFILE, EMLINK, ENODEV, ENOENT, ENOLCK, ENOMEM, ENOSPC, ENOSYS, ENOTSUP),
    *(ENOTTY, ENXIO, EOVERFLOW, EPERM, EPIPE, EREMOTEIO, EROFS, ESPIPE, ESTALE, ETIMEDOUT),
    *(ETXTBSY, EXDEV),
)
_SEEKS = {
    "SEEK_DATA": os.SEEK_DATA,
    "SEEK_HOLE": os.SEEK_HOLE,
    "SEEK_END": os.SEEK_END,
    "SEEK_SET": os.SEEK_SET,
}
#: Each kind of call; `lseek` counts as several.
CALLS = tuple(sorted({*calls.__all__, *_SEEKS} - {"lseek", "map_memory", "get_flags"}))

#: Called with the real call and its arguments; returns the simulated result.
Answer = Callable[..., Any]


@contextmanager
def answering(call: str, answer: Answer, skip: int = 0) -> Iterator[Counter[str]]:
    """Let `answer` replace one kind of call after the first `skip` ones; count its calls."""
    name = "lseek" if call in _SEEKS else call
    real, seen = getattr(calls, name), Counter[str]()

    def called(*args: Any, **options: Any) -> Any:
        if name == "lseek" and args[2] != _SEEKS[call]:
            return real(*args)
        seen["all"] += 1
        if seen["all"] <= skip:
            return real(*args, **options)
        seen["taken"] += 1
        return answer(real, *args, **options)

    with mock.patch.object(calls, name, called):
        yield seen


def failing(number: int) -> Answer:
    """An error; a file is closed nonetheless, as on Linux."""

    def answer(real: Answer, *args: Any, **_: Any) -> Any:
        if real is os.close:
            real(*args)
        raise OSError(number, os.strerror(number))

    return answer


def half_cloned(number: int) -> Answer:
    """An error in the middle of sharing: the first half is already done."""

    def answer(_: Answer, source: int, start: int, length: int, target: int, place: int) -> Any:
        os.pwrite(target, os.pread(source, length // 2, start), place)
        raise OSError(number, os.strerror(number))

    return answer


def _short_read(real: Answer, fd: int, length: int, offset: int) -> bytes:
    return bytes(real(fd, min(length, max(1, length // 3)), offset))


def _short_write(real: Answer, fd: int, data: Any, offset: int) -> int:
    return int(real(fd, memoryview(data)[: max(1, len(data) // 3)], offset))


def _short_vector_read(real: Answer, fd: int, views: Any, offset: int) -> int:
    """A part of the request; the rest of the memory is garbage, which the system may leave."""
    for view in views:
        view[:] = b"?" * len(view)
    return int(real(fd, [views[0][: max(1, len(views[0]) // 2)]], offset))


def _short_vector_write(real: Answer, fd: int, views: Any, offset: int) -> int:
    return int(real(fd, [views[0], *(view[:7] for view in views[1:2])], offset))


def _short_array_write(real: Answer, fd: int, address: int, count: int, offset: int) -> int:
    return int(real(fd, address, 1, offset)) if count > 1 else 0


def _short_copy(real: Answer, source: int, target: int, length: int, *places: int) -> int:
    return int(real(source, target, max(1, length // 3), *places))


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _no_bytes(*_: Any) -> bytes:
    return b""


def _returning(value: int) -> Answer:
    return lambda *_: value


def _backwards(_: Answer, _fd: int, offset: int, _whence: int) -> int:
    return offset - 1


#: Results that are odd but not errors, by call.
ODD: dict[str, dict[str, Answer]] = {
    "pread": {"short": _short_read, "nothing": _no_bytes},
    "preadv": {"short": _short_vector_read, "nothing": _nothing},
    "pwrite": {"short": _short_write, "nothing": _nothing},
    "pwritev": {"short": _short_vector_write, "nothing": _nothing},
    "pwritev_array": {"short": _short_array_write, "nothing": _nothing},
    "copy_file_range": {
        "short": _short_copy,
        "nothing": _nothing,
        "too much": _returning(1 << 40),
    },
    "SEEK_DATA": {
        "backwards": _backwards,
        "negative": _returning(-1),
        "beyond the end": _returning(1 << 60),
    },
    "SEEK_HOLE": {
        "backwards": _backwards,
        "negative": _returning(-1),
        "beyond the end": _returning(1 << 60),
    },
}
