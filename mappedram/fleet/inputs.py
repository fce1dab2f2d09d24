"""The files to work on: from patterns and lists, each once, with what identifies its contents."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from mappedram.io import system
from mappedram.json_types import Json


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells that a file is the one of an earlier run.

    Attributes:
        size: its size in bytes.
        modified: its time of modification, as text with microseconds. Programs that read numbers of
            JSON as floating point would round nanoseconds.
    """

    size: int
    modified: str

    @classmethod
    def of(cls, path: str) -> Self | None:
        """The identity of a file; None if the system does not tell."""
        try:
            size, nanoseconds = system.stamp_at(path)
        except (OSError, ValueError):  # a name with a NUL byte
            return None
        return cls(size, _as_text(nanoseconds // 1000))

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {"size": self.size, "modified": self.modified}


def _as_text(microseconds: int) -> str:
    """A time in the notation of ISO 8601 or, if it is no date, in seconds since 1970."""
    seconds, rest = divmod(microseconds, 10**6)
    try:
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    except (ValueError, OverflowError, OSError):
        return f"@{seconds}.{rest:06}"
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class FleetFile:
    """One file to work on.

    Attributes:
        name: its name as given, which the result has.
        place: where to open it: an absolute path, because a worker has a folder of its own.
        identity: what its contents are known by.
    """

    name: str
    place: str
    identity: Identity | None

    @classmethod
    def named(cls, name: str) -> Self:
        """The file of that name."""
        place = os.path.join(os.getcwd(), name)
        return cls(name, place, Identity.of(place))


def expanded(patterns: Iterable[str], unmatched: list[str]) -> dict[str, None]:
    """The names that patterns stand for, each once, in order.

    A name without wildcards stands for itself, and so does that of an existing file. `**` stands
    for any number of folders. A pattern matches no folders.

    Args:
        patterns: names and patterns.
        unmatched: takes the patterns that match nothing.
    """
    names: dict[str, None] = {}
    for pattern in patterns:
        if not glob.has_magic(pattern) or os.path.lexists(pattern):
            names[pattern] = None
            continue
        found = dict.fromkeys(_files(pattern))
        names |= found
        if not found:
            unmatched.append(pattern)
    return names


def _files(pattern: str) -> Iterator[str]:
    matches = glob.iglob(pattern, recursive=True, include_hidden=False)
    return iter(sorted(match for match in matches if not os.path.isdir(match)))


def listed(data: bytes) -> Iterator[str]:
    """The names in a list: one on each line or, if it has a NUL byte, one before each of those."""
    separator = b"\0" if b"\0" in data else b"\n"
    return (os.fsdecode(name) for name in data.split(separator) if name)
