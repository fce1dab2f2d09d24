"""Writing results to standard output, and notes to standard error."""

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from mappedram.printable import printable

_STYLES = {"bold": "1", "dim": "2", "red": "31", "yellow": "33", "cyan": "36"}


class OutputError(Exception):
    """Writing to standard output failed; `reason` is the system's error.

    Not an `OSError`, so that no handler blames the file that is being read.
    """

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason.strerror)
        self.reason = reason


def write(text: str) -> None:
    """Write to standard output, buffered."""
    if sys.stdout is None:  # closed by whoever started the process
        raise OutputError(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise OutputError(error) from error


def line(text: str = "") -> None:
    """Write a line to standard output."""
    write(f"{text}\n")


def flush() -> None:
    """Flush standard output."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def note(text: str) -> None:
    """Write a line of the tool itself to standard error; flushes standard output first."""
    flush()
    print(f"mappedram: {printable(text)}", file=sys.stderr)


def width() -> int | None:
    """Columns of the terminal that standard output is; None if it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil  # imports decompressors; not every output asks for the width

    return shutil.get_terminal_size().columns


def refuse_terminal(option: str) -> None:
    """Refuse to write bytes to a terminal, which would obey some of them.

    Raises:
        UsageError: standard output is a terminal.
    """
    if sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError(
            f"{option}: standard output is a terminal; redirect it to a file or a pipe"
        )


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output, after all that was written before."""
    flush()
    if sys.stdout is None:
        raise OutputError(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise OutputError(error) from error


def styled(text: str, style: str) -> str:
    """`text` in colour, if standard output is a terminal and colours are not switched off."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if not (wanted and sys.stdout is not None and sys.stdout.isatty()):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def write_json(document: object, levels: int = 2) -> None:
    """Write a document, with one member per line in its outer `levels`.

    Lists may be iterators; their items are written as they arrive.
    """
    for piece in _json_pieces(document, levels, "\n"):
        write(piece)
    write("\n")


def _json_pieces(value: Any, levels: int, newline: str) -> Iterator[str]:
    members: Iterator[tuple[str, Any]]
    if levels and isinstance(value, Mapping):
        opening, closing = "{", "}"
        members = ((f"{json.dumps(key)}: ", member) for key, member in value.items())
    elif levels and isinstance(value, (list, tuple, Iterator)):
        opening, closing = "[", "]"
        members = (("", member) for member in value)
    else:
        yield json.dumps(value)
        return
    inner = f"{newline}  "
    separator = inner
    yield opening
    for label, member in members:
        yield f"{separator}{label}"
        yield from _json_pieces(member, levels - 1, inner)
        separator = f",{inner}"
    yield closing if separator == inner else f"{newline}{closing}"
