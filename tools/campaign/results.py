"""Results on disk, one JSON object a line, and what several files of them come to.

The first line says which plan and which shard. A file is only ever added to, by one process at a
time; a last line that was cut off is done again.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, TextIO

from mappedram.fuzz.mutate import LENGTH, Mutation
from mappedram.qemu.loader import Verdict
from tools import keeping
from tools.campaign.plan import Plan, Shard

OUTCOMES = ("loads", "wrong-memory", "refuses", "crashes", "hangs")
#: Hexadecimal digits of a digest that are kept.
_DIGITS = 16


class ResultsError(Exception):
    """Results that cannot be added to, or be taken together."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one QEMU made of one mutant, and what the model says.

    Attributes:
        index: number of the mutant in its plan.
        file: name of the good file (`seeds.py`).
        good: digest of the good file: each QEMU that saves one may write another.
        machine: guest, by its name in `mappedram.qemu.run.guests`.
        form: `mapped-ram` or `plain`.
        kinds: what was changed (`mappedram.fuzz.mutate.KINDS`).
        mutant: digest of the mutations.
        arch: target of the QEMU.
        version: of the QEMU, such as `10.0.2`.
        outcome: of the load, one of `OUTCOMES`.
        said: what QEMU said.
        seconds: how long the load took.
        release: row of the model.
        model: its outcome.
        certain: whether it says that nothing outside the file decides.
        because: codes of rules and errata.
        expected: the words that it foretells; None where it foretells none.
        commit: of this repository, whose model it is.
        mutations: the mutant.
    """

    index: int
    file: str
    good: str
    machine: str
    form: str
    kinds: tuple[str, ...]
    mutant: str
    arch: str
    version: str
    outcome: str
    said: str
    seconds: float
    release: str
    model: str
    certain: bool
    because: tuple[str, ...]
    expected: str | None
    commit: str
    mutations: tuple[Mutation, ...]

    @property
    def agrees(self) -> bool:
        """Whether the model said what QEMU did."""
        return self.outcome == self.model

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same mutant of the same file in the same QEMU."""
        return self.good, self.mutant, self.arch, self.version

    def judged(self, verdict: Verdict, commit: str) -> Self:
        """The same, with another word of the model."""
        return replace(
            self,
            model=verdict.outcome,
            certain=verdict.certain,
            because=tuple(verdict.because),
            expected=verdict.message,
            commit=commit,
        )

    def to_json(self) -> str:
        """One line."""
        entry = asdict(self)
        entry["mutations"] = [
            [one.path, one.offset, one.before.hex(), one.after.hex(), one.what]
            for one in self.mutations
        ]
        return json.dumps(entry, separators=(",", ":"))

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """The row of a line.

        Raises:
            KeyError: something is missing.
        """
        values = {one.name: entry[one.name] for one in fields(cls)}
        values |= {name: tuple(values[name]) for name in ("kinds", "because")}
        values["mutations"] = tuple(
            Mutation(path, offset, bytes.fromhex(before), bytes.fromhex(after), what)
            for path, offset, before, after, what in entry["mutations"]
        )
        return cls(**values)


def mutant_of(mutations: Iterable[Mutation]) -> str:
    """The digest of a mutant: of what stands where afterwards."""
    patches = [
        ["length" if one.path == LENGTH else "", one.offset, one.after.hex()] for one in mutations
    ]
    return digest(json.dumps(patches).encode())


def digest(data: bytes) -> str:
    """A digest of bytes that is short enough for each line."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class Results:
    """One file: which part of which plan, and what has come of it so far."""

    plan: Plan
    shard: Shard
    rows: tuple[Row, ...]


def head(plan: Plan, shard: Shard) -> str:
    """The first line of a file."""
    return json.dumps({"plan": asdict(plan), "shard": str(shard)}, separators=(",", ":"))


def read(path: Path) -> Results:
    """What stands in a file; a last line that was cut off is left out.

    Raises:
        ResultsError: it holds something else.
        OSError: it cannot be read.
    """
    first, *lines = _whole_lines(path.read_bytes()) or [b""]
    try:
        entry = json.loads(first)
        plan = Plan(*(_tuples(entry["plan"][one.name]) for one in fields(Plan)))
        rows = tuple(Row.from_json(json.loads(line)) for line in lines)
        return Results(plan, Shard.parse(entry["shard"]), rows)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: no results of this tool ({error!r})") from error


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _whole_lines(data: bytes) -> list[bytes]:
    """The lines that have an end."""
    return data[: data.rfind(b"\n") + 1].splitlines()


@contextmanager
def adding(path: Path, plan: Plan, shard: Shard) -> Iterator[tuple[TextIO, Sequence[Row]]]:
    """Open a file to add to, and say what is in it; no other process can open it meanwhile.

    Raises:
        ResultsError: another process adds to it, or it is of another plan or shard.
        OSError: it cannot be written.
    """
    with path.open("a+b") as raw:
        try:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResultsError(f"{path}: another process adds to it") from error
        raw.seek(0)
        raw.truncate(raw.read().rfind(b"\n") + 1)
        found = read(path) if raw.seek(0, os.SEEK_END) else Results(plan, shard, ())
        if (found.plan, found.shard) != (plan, shard):
            raise ResultsError(f"{path}: of another plan or shard; take another file")
        with os.fdopen(os.dup(raw.fileno()), "a", encoding="utf-8") as stream:
            if not raw.tell():
                stream.write(head(plan, shard) + "\n")
            yield stream, found.rows


def write(stream: TextIO, rows: Iterable[Row]) -> None:
    """Add results, which have left this process when this returns."""
    stream.write("".join(row.to_json() + "\n" for row in rows))
    stream.flush()


def replace_rows(path: Path, plan: Plan, shard: Shard, rows: Iterable[Row]) -> None:
    """Write a file anew, whole or not at all."""
    lines = (head(plan, shard), *(row.to_json() for row in rows))
    keeping.replace(path, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of several files, each mutant once for each QEMU.

    Attributes:
        rows: those that count.
        contradictory: of mutants with which the same QEMU came to several ends; they do not count.
    """

    rows: tuple[Row, ...]
    contradictory: tuple[Row, ...]


def merge(rows: Iterable[Row]) -> Merged:
    """Take rows together."""
    found: dict[tuple[str, str, str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row.key, {}).setdefault(row.outcome, row)
    counted: list[Row] = []
    contradictory: list[Row] = []
    for outcomes in found.values():
        (contradictory if len(outcomes) > 1 else counted).extend(outcomes.values())
    return Merged(tuple(counted), tuple(contradictory))
