"""Exit statuses, which follow `qemu-img check`, and the errors that lead to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mappedram.cli.elsewhere import proposed_offset
from mappedram.errors import (
    BackingError,
    MappedRamError,
    SnapshotChoiceError,
    UnknownPagesError,
    UnsupportedError,
)

FINE = 0
UNFINISHED = 1
CORRUPT = 2
HARMLESS = 3
UNSUPPORTED = 63
#: Not 2, the usual status of argument parsers, which would mean "corrupt".
USAGE = 64
#: 128 plus the number of the signal, as in a shell.
INTERRUPTED = 130
TERMINATED = 143
BROKEN_PIPE = 141


class TerminatedError(BaseException):
    """SIGTERM, as an exception, so that partly written files are removed first."""


class FailureError(Exception):
    """Work on one file failed; `message` is the reason, `status` the exit status."""

    def __init__(self, file: str, message: str, status: int) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file
        self.message = message
        self.status = status


def status_of(error: MappedRamError | OSError) -> int:
    """The exit status for an error."""
    if isinstance(error, (BackingError, SnapshotChoiceError)):
        return USAGE  # only options lead to one
    return UNSUPPORTED if isinstance(error, UnsupportedError) else UNFINISHED


def message_of(error: MappedRamError | OSError) -> str:
    """The message of an error, without the number and the path that the system adds."""
    if isinstance(error, UnknownPagesError):
        return f"{error}; use --partial to continue with the known pages"
    if isinstance(error, SnapshotChoiceError):
        return f"{error}; choose one with --snapshot"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


@contextmanager
def about(file: str) -> Iterator[None]:
    """Turn errors of this package and of the system into a `FailureError` about `file`.

    If the error names another file, such as an output file, the failure is about that one.
    """
    try:
        yield
    except (MappedRamError, OSError) as error:
        named = error.filename
        about_file = os.fsdecode(named) if isinstance(named, (str, bytes)) else file
        message = message_of(error) + proposed_offset(about_file, error)
        raise FailureError(about_file, message, status_of(error)) from error
