"""The file with the results, one JSON object a line, to which a later run can add."""

import json
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mappedram.errors import FormatError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import Cell, Entry, Job
from mappedram.io import system
from mappedram.json_types import Json

_STEP = 1 << 20
#: How every line begins.
_BEGIN = b'{"file": '


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier line says of a file."""

    identity: Json
    status: int
    counts: tuple[Cell, ...]


@dataclass(slots=True)
class History:
    """The results of earlier runs, by the name of the file; of several, the last one.

    Attributes:
        of: the results.
        cut: bytes of a line that was not written to its end, which have been removed.
    """

    of: dict[str, Earlier] = field(default_factory=dict)
    cut: int = 0

    def result(self, file: FleetFile) -> Earlier | None:
        """The result for a file that has not changed since; None if there is none."""
        earlier = self.of.get(file.name)
        if earlier is None or earlier.identity != (file.identity and file.identity.to_dict()):
            return None
        return earlier


class ResultsFile:
    """An open file of results. A line is appended with one write, so that it is there or not.

    A full disk or a crash of the machine can still cut a line; `resumed` removes it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._size = system.size_of(fd)

    @classmethod
    def created(cls, path: Path, *, replace: bool) -> Self:
        """An empty file.

        Raises:
            FileExistsError: it exists, and may not be replaced.
            OSError: it cannot be created.
        """
        fd = system.open_appending(path, exclusive=not replace)
        return cls._opened(fd, lambda: _empty(fd, path))

    @classmethod
    def resumed(cls, path: Path, job: Job) -> tuple[Self, History]:
        """A file of earlier results of the same job; an empty one if there is none.

        Raises:
            FormatError: a line in it is no result, or is one of another job.
            OSError: it cannot be opened or read.
        """
        fd = system.open_appending(path, exclusive=False)
        history = History()
        return cls._opened(fd, lambda: _read(fd, path, job, history)), history

    @classmethod
    def _opened(cls, fd: int, prepare: Callable[[], None]) -> Self:
        try:
            prepare()
            return cls(fd)
        except BaseException:
            system.release(fd)
            raise

    def append(self, text: str) -> None:
        """Add a line.

        Raises:
            OSError: writing failed.
        """
        data = f"{text}\n".encode()
        system.write(self._fd, data, self._size)
        self._size += len(data)

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: writing failed.
        """
        system.close(self._fd)


def entries(path: Path, names: Container[str]) -> Iterator[Entry]:
    """The last result for each file of some names, in the order of the results.

    Raises:
        OSError: the results cannot be read.
    """
    fd = system.open_source(path)
    try:
        last: dict[str, int] = {}
        for offset, line in _lines(fd):
            last[json.loads(line)["file"]] = offset
        for offset, line in _lines(fd):
            entry: Entry = json.loads(line)
            if entry["file"] in names and last[entry["file"]] == offset:
                yield entry
    finally:
        system.release(fd)


def _empty(fd: int, path: Path) -> None:
    """Empty a file, but none that holds something else, such as a snapshot."""
    if system.size_of(fd) and not system.read(fd, len(_BEGIN), 0).startswith(_BEGIN):
        raise _refused(path, "not replaced: it is no file of results", 0)
    system.end_at(fd, 0)


def _read(fd: int, path: Path, job: Job, history: History) -> None:
    """Take the lines of a file, and remove what follows the last whole one."""
    same: dict[tuple[Cell, ...], tuple[Cell, ...]] = {}  # a million lines have few different ones
    end = 0
    for number, (offset, line) in enumerate(_lines(fd), 1):
        if not line.endswith(b"\n"):
            if not _is_cut(line, end):
                raise _refused(path, f"line {number} is no result of `mappedram fleet`", offset)
            break
        entry = _entry(path, number, offset, line, job)
        counts = job.counts(entry)
        counts = same.setdefault(counts, counts)
        history.of[entry["file"]] = Earlier(entry["identity"], entry["status"], counts)
        end = offset + len(line)
    history.cut = system.size_of(fd) - end
    if history.cut:
        system.end_at(fd, end)


def _is_cut(line: bytes, end: int) -> bool:
    """Whether a line without an end is a cut result. A crash can leave zeros at the end of a file.

    Anything else is of another program, and must not be removed.
    """
    text = line.rstrip(b"\0")
    return text.startswith(_BEGIN) or (_BEGIN.startswith(text) and bool(text or end))


def _lines(fd: int) -> Iterator[tuple[int, bytes]]:
    """The lines with their offsets; the last one may lack its end of line."""
    begin, position, pieces = 0, 0, list[bytes]()
    while data := system.read(fd, _STEP, position):
        position += len(data)
        *whole, rest = data.split(b"\n")
        for part in whole:
            line = b"".join([*pieces, part, b"\n"])
            yield begin, line
            begin, pieces = begin + len(line), []
        pieces.append(rest)
    if any(pieces):
        yield begin, b"".join(pieces)


def _entry(path: Path, number: int, offset: int, line: bytes, job: Job) -> Entry:
    """The result in a line."""
    try:
        entry = json.loads(line)
        told = {"file": str, "status": int, "job": str}
        sound = all(isinstance(entry[key], kind) for key, kind in told.items())
        sound = sound and "identity" in entry
    except (ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        raise _refused(path, f"line {number} is no result of `mappedram fleet`", offset)
    if entry["job"] != job.label:
        raise _refused(path, f"line {number} is a result of another job: {entry['job']}", offset)
    found: Entry = entry
    return found


def _refused(path: Path, message: str, offset: int) -> FormatError:
    error = FormatError(message, offset=offset)
    error.filename = str(path)
    return error
