"""Results on disk, one JSON object a line, and summaries of several files.

The first line has the plan and the shard. A file is only appended to, by one process at a time; a
truncated last line is computed again.
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
#: Hexadecimal digits kept of a digest.
_DIGITS = 16


class ResultsError(Exception):
    """Results that cannot be extended or combined."""


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one QEMU for one mutant, with that of the model.

    Attributes:
        index: number of the mutant in its plan.
        file: name of the good file (`seeds.py`).
        good: digest of the good file: each QEMU that saves one may write another.
        machine: guest, by its name in `mappedram.qemu.run.guests`.
        form: `mapped-ram` or `plain`.
        kinds: kinds of the mutations (`mappedram.fuzz.mutate.KINDS`).
        mutant: digest of the mutations.
        arch: target of the QEMU.
        version: of the QEMU, such as `10.0.2`.
        outcome: of the load, one of `OUTCOMES`.
        said: QEMU's message.
        seconds: how long the load took.
        release: release in the model.
        model: outcome of the model.
        certain: whether the model says that the file alone decides.
        because: codes of rules and errata.
        expected: the predicted message; None if there is none.
        commit: commit of this repository with the model.
        mutations: the mutations of the mutant.
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
        """Whether the model predicted QEMU's outcome."""
        return self.outcome == self.model

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Equal for the same mutant of the same file in the same QEMU."""
        return self.good, self.mutant, self.arch, self.version

    def judged(self, verdict: Verdict, commit: str) -> Self:
        """The same result with a new answer of the model."""
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
        """Read a row from a line.

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
    """The digest of a mutant: of its changed bytes and their offsets."""
    patches = [
        ["length" if one.path == LENGTH else "", one.offset, one.after.hex()] for one in mutations
    ]
    return digest(json.dumps(patches).encode())


def digest(data: bytes) -> str:
    """A digest of bytes that is short enough for each line."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class Results:
    """One file: its plan and shard, and its results so far."""

    plan: Plan
    shard: Shard
    rows: tuple[Row, ...]


def head(plan: Plan, shard: Shard) -> str:
    """The first line of a file."""
    return json.dumps({"plan": asdict(plan), "shard": str(shard)}, separators=(",", ":"))


def read(path: Path) -> Results:
    """Read a file; a truncated last line is left out.

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
    """The complete lines."""
    return data[: data.rfind(b"\n") + 1].splitlines()


@contextmanager
def adding(path: Path, plan: Plan, shard: Shard) -> Iterator[tuple[TextIO, Sequence[Row]]]:
    """Open a file to append to, and read it; no other process can open it meanwhile.

    Raises:
        ResultsError: another process appends to it, or it is of another plan or shard.
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
    """Append results, and flush them."""
    stream.write("".join(row.to_json() + "\n" for row in rows))
    stream.flush()


def replace_rows(path: Path, plan: Plan, shard: Shard, rows: Iterable[Row]) -> None:
    """Rewrite a file atomically."""
    lines = (head(plan, shard), *(row.to_json() for row in rows))
    keeping.replace(path, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of several files, each mutant once for each QEMU.

    Attributes:
        rows: those that count.
        contradictory: rows of mutants with several outcomes in the same QEMU; they do not count.
    """

    rows: tuple[Row, ...]
    contradictory: tuple[Row, ...]


def merge(rows: Iterable[Row]) -> Merged:
    """Merge rows."""
    found: dict[tuple[str, str, str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row.key, {}).setdefault(row.outcome, row)
    counted: list[Row] = []
    contradictory: list[Row] = []
    for outcomes in found.values():
        (contradictory if len(outcomes) > 1 else counted).extend(outcomes.values())
    return Merged(tuple(counted), tuple(contradictory))
