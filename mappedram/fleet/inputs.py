"""The files to work on: from patterns and lists, each once, with what identifies its contents."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from mappedram.io import system
from mappedram.io.remote.address import RemoteName, is_url, local_path, options_of
from mappedram.json_types import Json


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells that a file is the one of an earlier run.

    Attributes:
        size: its size in bytes.
        version: the tag that an object store gives to its contents; for a local file its time of
            modification, as text with microseconds. Programs that read numbers of JSON as floating
            point would round nanoseconds.
    """

    size: int
    version: str

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
        return {"size": self.size, "version": self.version}


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
        place: where to open it: a URL or an absolute path, because a worker has a folder of its
            own.
        identity: what its contents are known by; None for a URL that was given by name, because
            asking for it takes as long as judging some.
        piece: the part of it to work on, as the job counts; None for all.
    """

    name: str
    place: str
    identity: Identity | None
    piece: tuple[int, int] | None = None

    @classmethod
    def named(cls, name: str, identity: Identity | None = None) -> Self:
        """The file of that name.

        Args:
            name: a path or a URL.
            identity: for a URL, the identity if known.
        """
        if is_url(name):
            return cls(name, name, identity)
        place = os.path.join(os.getcwd(), name)
        return cls(name, place, Identity.of(place))


def expanded(patterns: Iterable[str], unmatched: list[str]) -> dict[str, Identity | None]:
    """The names that patterns stand for, each once, in order; for a URL with what is known of it.

    A name without wildcards stands for itself, and so does that of an existing file. `**` stands
    for any number of folders. A pattern matches no folders.

    Args:
        patterns: names, URLs and patterns of both.
        unmatched: takes the patterns that match nothing.

    Raises:
        OSError: a pattern is a URL, and its file system cannot list it.
    """
    names: dict[str, Identity | None] = {}
    for pattern in patterns:
        if is_url(pattern):
            found = dict(_objects(pattern)) if _has_magic(pattern) else {pattern: None}
        elif not glob.has_magic(pattern) or os.path.lexists(pattern):
            found = {pattern: None}
        else:
            found = dict.fromkeys(_files(pattern))
        if not found:
            unmatched.append(pattern)
        names |= found
    return names


def _has_magic(url: str) -> bool:
    """Whether a URL is a pattern. Over HTTP, `?` begins a query."""
    return "*" in url if url.lower().startswith("http") else glob.has_magic(url)


def _objects(url: str) -> Iterator[tuple[str, Identity | None]]:
    """The objects that a pattern matches."""
    path = local_path(url)
    if path is not None:
        yield from ((name, None) for name in _files(path))
        return
    from mappedram.io.remote.listing import matching  # imports fsspec

    for name, size, version in matching(url):
        identity = None if size is None or version is None else Identity(size, version)
        yield RemoteName(name, options_of(url)), identity


def _files(pattern: str) -> Iterator[str]:
    matches = glob.iglob(pattern, recursive=True, include_hidden=False)
    return iter(sorted(match for match in matches if not os.path.isdir(match)))


def listed(data: bytes) -> Iterator[str]:
    """The names in a list: one on each line or, if it has a NUL byte, one before each of those."""
    separator = b"\0" if b"\0" in data else b"\n"
    return (os.fsdecode(name) for name in data.split(separator) if name)
