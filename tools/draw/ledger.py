"""Cases drawn so far, and their faults, by version of Python, kind, seed and commit.

A ledger is a JSON file with a line for each entry. Several processes may add to one, and ledgers of
several machines can be merged: cases drawn twice count once.
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

#: The published ledger, for the table in docs/fuzzing.md.
PUBLISHED = Path(__file__).with_name("published.json")
#: Wanted number of cases of each kind in each Python.
WANTED = 1_000_000

#: Half-open ranges of case numbers, ascending; no two touch.
Ranges = Sequence[tuple[int, int]]


class LedgerError(Exception):
    """A file is not a ledger."""


class _Line(TypedDict):
    """An entry in JSON; `count` is for human readers."""

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
        seed: selects the cases.
        commit: of this repository; with `+` if files differed from it.
        ranges: numbers of the drawn cases.
        faults: numbers of those that raised.
    """

    python: str
    kind: str
    seed: int
    commit: str
    ranges: Ranges
    faults: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[tuple[int, ...], str, str, int, str]:
        """Key of equal entries, and their sort key."""
        return numbers(self.python), self.python, self.kind, self.seed, self.commit

    @property
    def clean(self) -> Iterator[tuple[int, int]]:
        """The ranges without the faults."""
        return without(self.ranges, ((number, number + 1) for number in self.faults))

    def with_(self, other: "Entry") -> "Entry":
        """The union of two entries with the same key."""
        faults = tuple(sorted({*self.faults, *other.faults}))
        ranges = _union((*self.ranges, *other.ranges))
        return Entry(self.python, self.kind, self.seed, self.commit, ranges, faults)

    def to_dict(self) -> _Line:
        """For JSON."""
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
        """Read an entry from JSON.

        Raises:
            KeyError: something is missing.
            ValueError: a range is invalid.
        """
        ranges = _union((start, stop) for start, stop in line["ranges"])
        faults = tuple(line["faults"])
        return cls(line["python"], line["kind"], line["seed"], line["commit"], ranges, faults)


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor version of a Python."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def count(ranges: Iterable[tuple[int, int]]) -> int:
    """Number of cases in ranges."""
    return sum(stop - start for start, stop in ranges)


def _union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    runs = intervals.union(intervals.from_pairs(ranges))
    return [(start, stop) for start, stop in runs.tolist()]


# Drawn and missing cases.


def clean(entries: Iterable[Entry], python: str, kind: str, seed: int) -> Ranges:
    """Cases that Pythons of the same minor version drew without a fault, at any commit."""
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
    """Cases of a range still to be drawn: those not drawn, and those that always raised."""
    return list(without([span], clean(entries, python, kind, seed)))


def faults(entries: Sequence[Entry]) -> list[tuple[Entry, int]]:
    """Cases that raised, and that the same Python has not drawn without a fault since."""
    return [
        (entry, number)
        for entry in entries
        for number in entry.faults
        if missing(entries, entry.python, entry.kind, entry.seed, (number, number + 1))
    ]


def added(known: Iterable[Entry], new: Iterable[Entry]) -> list[Entry]:
    """The union of both, sorted."""
    found: dict[object, Entry] = {}
    for entry in (*known, *new):
        there = found.get(entry.key)
        found[entry.key] = entry if there is None else there.with_(entry)
    return sorted(found.values(), key=lambda entry: entry.key)


# Files.


def read(path: Path) -> list[Entry]:
    """Read a file; empty if it does not exist.

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
    """Add entries to a file atomically, and return all its entries.

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
    """Lock the ledgers in a folder against other processes."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def totals(entries: Sequence[Entry], kinds: Iterable[str], python: str) -> Mapping[str, int]:
    """Number of cases of each kind that a minor version drew without a fault, over all seeds."""
    seeds = {entry.seed for entry in entries}
    return {
        kind: sum(count(clean(entries, python, kind, seed)) for seed in seeds) for kind in kinds
    }
