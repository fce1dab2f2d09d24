"""What was drawn so far: by version of Python, kind, seed and commit, and what of it raised.

A ledger is a JSON file with a line for each entry. Several processes may add to one, and ledgers of
several machines can be put together: what was drawn twice counts once.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from mappedram.io.spans import without
from mappedram.stream import intervals
from tools import keeping

#: What is published, from which the table in docs/fuzzing.md is made.
PUBLISHED = Path(__file__).with_name("published.json")
#: How many of each kind are to be drawn in each Python.
WANTED = 1_000_000

#: Half-open ranges of numbers of cases, ascending; no two touch.
Ranges = Sequence[tuple[int, int]]


class LedgerError(Exception):
    """A file is no ledger."""


class _Line(TypedDict):
    """An entry as JSON has it; `count` is for whoever reads it."""

    python: str
    kind: str
    seed: int
    commit: str
    count: int
    ranges: list[list[int]]
    faults: list[int]


@dataclass(frozen=True, slots=True)
class Entry:
    """Cases of one kind that one Python has drawn at one commit.

    Attributes:
        python: version of the interpreter, such as `3.11.7`.
        kind: of `tools.draw.kinds.KINDS`.
        seed: which cases.
        commit: of this repository; with `+` where files differed from it.
        ranges: which numbers were drawn.
        faults: which of these raised.
    """

    python: str
    kind: str
    seed: int
    commit: str
    ranges: Ranges
    faults: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[tuple[int, ...], str, str, int, str]:
        """The same again; also the order in which entries stand."""
        return numbers(self.python), self.python, self.kind, self.seed, self.commit

    @property
    def clean(self) -> Iterator[tuple[int, int]]:
        """The ranges without the faults."""
        return without(self.ranges, ((number, number + 1) for number in self.faults))

    def with_(self, other: "Entry") -> "Entry":
        """What both have drawn, which have the same key."""
        faults = tuple(sorted({*self.faults, *other.faults}))
        ranges = _union((*self.ranges, *other.ranges))
        return Entry(self.python, self.kind, self.seed, self.commit, ranges, faults)

    def to_dict(self) -> _Line:
        """As JSON has it."""
        return {
            "python": self.python,
            "kind": self.kind,
            "seed": self.seed,
            "commit": self.commit,
            "count": count(self.ranges),
            "ranges": [list(span) for span in self.ranges],
            "faults": list(self.faults),
        }

    @classmethod
    def from_dict(cls, line: _Line) -> "Entry":
        """The entry that JSON has.

        Raises:
            KeyError: something is missing.
            ValueError: a range is none.
        """
        ranges = _union((start, stop) for start, stop in line["ranges"])
        faults = tuple(line["faults"])
        return cls(line["python"], line["kind"], line["seed"], line["commit"], ranges, faults)


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor version of a Python."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def count(ranges: Iterable[tuple[int, int]]) -> int:
    """How many numbers are in ranges."""
    return sum(stop - start for start, stop in ranges)


def _union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    runs = intervals.union(intervals.from_pairs(ranges))
    return [(start, stop) for start, stop in runs.tolist()]


# What is there, and what is not.


def clean(entries: Iterable[Entry], python: str, kind: str, seed: int) -> Ranges:
    """What a Python of the same minor version has drawn without a fault, at any commit."""
    wanted = numbers(python), kind, seed
    return _union(
        span
        for entry in entries
        if (numbers(entry.python), entry.kind, entry.seed) == wanted
        for span in entry.clean
    )


def missing(
    entries: Iterable[Entry], python: str, kind: str, seed: int, span: tuple[int, int]
) -> Ranges:
    """What of a range is still to be drawn: what was not, and what raised whenever it was."""
    return list(without([span], clean(entries, python, kind, seed)))


def faults(entries: Sequence[Entry]) -> list[tuple[Entry, int]]:
    """The cases that raised, and that the same Python has not drawn without a fault since."""
    return [
        (entry, number)
        for entry in entries
        for number in entry.faults
        if missing(entries, entry.python, entry.kind, entry.seed, (number, number + 1))
    ]


def added(known: Iterable[Entry], new: Iterable[Entry]) -> list[Entry]:
    """The entries of both, sorted."""
    found: dict[object, Entry] = {}
    for entry in (*known, *new):
        there = found.get(entry.key)
        found[entry.key] = entry if there is None else there.with_(entry)
    return sorted(found.values(), key=lambda entry: entry.key)


# On disk.


def read(path: Path) -> list[Entry]:
    """What stands in a file; nothing where there is none yet.

    Raises:
        LedgerError: it holds something else.
        OSError: it cannot be read.
    """
    try:
        return [Entry.from_dict(line) for line in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerError(f"{path}: no ledger of this tool ({error!r})") from error


def text(entries: Iterable[Entry]) -> str:
    """The entries as JSON, a line for each."""
    lines = (json.dumps(entry.to_dict(), separators=(",", ":")) for entry in entries)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def add(path: Path, new: Sequence[Entry]) -> list[Entry]:
    """Add entries to a file, whole or not at all, and say what stands in it then.

    Raises:
        LedgerError: it holds something else.
        OSError: it cannot be written.
    """
    with _locked(path.parent):
        entries = added(read(path), new)
        if new:
            keeping.replace(path, text(entries))
    return entries


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """While no other process adds to a ledger in that folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def totals(entries: Sequence[Entry], kinds: Iterable[str], python: str) -> Mapping[str, int]:
    """How many cases of each kind a minor version has drawn without a fault, of all seeds."""
    seeds = {entry.seed for entry in entries}
    return {
        kind: sum(count(clean(entries, python, kind, seed)) for seed in seeds) for kind in kinds
    }
