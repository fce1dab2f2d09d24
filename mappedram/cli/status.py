"""Exit statuses, those of `qemu-img check` as far as it has them, and what leads to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mappedram.errors import MappedRamError, UnknownPagesError, UnsupportedError

FINE = 0
UNFINISHED = 1
CORRUPT = 2
HARMLESS = 3
UNSUPPORTED = 63
#: Not 2, which argument parsers usually take and which would read as "corrupt".
USAGE = 64
#: 128 plus the number of the signal, as a shell says it.
INTERRUPTED = 130
TERMINATED = 143
BROKEN_PIPE = 141


class TerminatedError(BaseException):
    """SIGTERM, made an exception so that what is half written is taken away first."""


class FailureError(Exception):
    """The work on one file ended early: why, and the exit status."""

    def __init__(self, file: str, message: str, status: int) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file
        self.message = message
        self.status = status


def status_of(error: MappedRamError | OSError) -> int:
    """The exit status of a verb that `error` ended."""
    return UNSUPPORTED if isinstance(error, UnsupportedError) else UNFINISHED


def message_of(error: MappedRamError | OSError) -> str:
    """What an error says, without the number and the path that the system adds."""
    if isinstance(error, UnknownPagesError):
        return f"{error}; --partial goes on with what is known"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


@contextmanager
def about(file: str) -> Iterator[None]:
    """Errors of the file and of the system that come up inside are failures of work on `file`.

    Where the error names another file, such as one that is written, that one is to blame.
    """
    try:
        yield
    except (MappedRamError, OSError) as error:
        named = error.filename
        raise FailureError(
            os.fsdecode(named) if isinstance(named, (str, bytes)) else file,
            message_of(error),
            status_of(error),
        ) from error
