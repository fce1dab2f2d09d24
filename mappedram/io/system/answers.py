"""Expected errors of each call, and the fallback for each. `docs/files.md` shows the table.

There are two kinds of calls. The first kind only saves work: every error leads to plain calls,
which then do all of it and whose errors count. The second kind is needed, or has information that
no other call has: only errors that mean "not supported here" lead to the fallback, and all others
are raised.
"""

from errno import (
    EACCES,
    EINVAL,
    ENODATA,
    ENODEV,
    ENOSYS,
    ENOTSUP,
    ENOTTY,
    EPERM,
    EROFS,
    ESPIPE,
    ETXTBSY,
    EXDEV,
    errorcode,
)
from typing import NamedTuple


class _Every:
    """Every error number: no error of this call is raised."""

    def __contains__(self, number: object) -> bool:
        return True


EVERY = _Every()


class Answer(NamedTuple):
    """Treatment of the errors of one call.

    Attributes:
        call: the call.
        expected: error numbers that mean "not supported here".
        plain: the fallback.
        other: the result of any other error, or of an odd return value.
    """

    call: str
    expected: frozenset[int] | _Every
    plain: str
    other: str

    def expects(self, error: OSError) -> bool:
        """Whether the error only means "not supported here"."""
        return error.errno in self.expected

    @property
    def numbers(self) -> str:
        """The expected errors by name."""
        if isinstance(self.expected, _Every):
            return "every error"
        return ", ".join(sorted(errorcode[number] for number in self.expected)) or "none"


_RAISED = "an error that names the file and the offset"
_NO = {EINVAL, ENOSYS, ENOTSUP, ENOTTY, ENODEV}

SEEK_DATA = Answer(
    "`lseek` with `SEEK_DATA`, `SEEK_HOLE`",
    EVERY,
    "the rest is treated as data and read",
    "`ENXIO` from `SEEK_DATA` means a hole up to the end, unless the file shrank, which is an"
    " error. An impossible offset is treated like an error. Not called for block devices.",
)
PREADV = Answer("`preadv`", EVERY, "`pread` reads piece by piece", "a short read: likewise")
PREAD = Answer(
    "`pread`",
    frozenset(),
    "",
    f"{_RAISED}; a short read: the rest is read; no bytes before the end: the file shrank",
)
PWRITEV = Answer("`pwritev`", EVERY, "`pwrite` writes piece by piece", "a short write: likewise")
PWRITE = Answer(
    "`pwrite`",
    frozenset(),
    "",
    f"{_RAISED}; a short write: the rest is written; no bytes: an error",
)
COPY_FILE_RANGE = Answer(
    "`copy_file_range`",
    EVERY,
    "`pread` and `pwrite` copy",
    "no bytes, or more than requested: likewise",
)
CLONE = Answer(
    "`ioctl` with `FICLONERANGE`",
    frozenset(_NO | {EXDEV, EPERM, EACCES, ETXTBSY}),
    "the bytes are copied",
    "partly shared bytes are overwritten with zeros, then all bytes are copied",
)
PUNCH_HOLE = Answer("`fallocate` with `PUNCH_HOLE`", EVERY, "zeros are written", "")
FILL_HOLES = Answer(
    "`posix_fallocate` (`--dense`)",
    frozenset(_NO | {EPERM, ESPIPE}),
    "zeros are written into holes",
    _RAISED,
)
TRUNCATE = Answer(
    "`ftruncate`",
    EVERY,
    "a file is extended by writing its last byte",
    f"when shortening a file: {_RAISED}. A block device keeps its size.",
)
OPEN_DIRECT = Answer("`open` with `O_DIRECT`", EVERY, "the page cache is used; a note says why", "")
WRITE_DIRECT = Answer(
    "`pwrite` with `O_DIRECT`",
    frozenset(_NO),
    "the page cache is used from then on; a note says why",
    f"{_RAISED}; a short write: the rest goes through the page cache",
)
MMAP = Answer("`mmap`", EVERY, "the bytes are read", "")
MEMFD_CREATE = Answer("`memfd_create`", EVERY, "an unnamed file in `TMPDIR` is used", "")
LINK = Answer(
    "`link`, which gives a new file its name",
    EVERY,
    "an empty file reserves the name, and `rename` replaces it",
    "`EEXIST`: another program created the file; nothing is replaced",
)
ACCESS_LIST = Answer(
    "`getxattr` of the access list",
    frozenset({ENODATA, ENOTSUP, ENOSYS}),
    "the file has no list",
    "the file may have a list: its group gets only the rights of all users",
)
CHMOD = Answer(
    "`chmod`",
    frozenset(_NO | {EPERM, EROFS}),
    "the file keeps the default mode of its file system",
    _RAISED,
)
FSYNC = Answer(
    "`fsync` (block devices, `repair --in-place`)",
    frozenset({EINVAL, ENOSYS, ENOTSUP, EROFS}),
    "nothing to wait for",
    _RAISED,
)
RELEASE = Answer("`close` after reading", EVERY, "the file is closed nonetheless", "")
OTHERS = Answer(
    "`open`, `fstat`, `lseek` to the end, `fchown`, `rename`, `unlink`, `close` after writing",
    frozenset(),
    "",
    "an error that names the file",
)

ANSWERS = (
    SEEK_DATA,
    PREAD,
    PREADV,
    PWRITE,
    PWRITEV,
    COPY_FILE_RANGE,
    CLONE,
    PUNCH_HOLE,
    FILL_HOLES,
    TRUNCATE,
    OPEN_DIRECT,
    WRITE_DIRECT,
    MMAP,
    MEMFD_CREATE,
    LINK,
    ACCESS_LIST,
    CHMOD,
    FSYNC,
    RELEASE,
    OTHERS,
)
