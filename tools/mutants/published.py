"""Published numbers of noticed changes, for the page on the format in code: `published.json`.

An entry has the results for one file in one state. It lists every tried change, so that results of
several machines or days can be combined.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.mutants.results import Row
from tools.mutants.same import SAME
from tools.mutants.trial import Mutant

PUBLISHED = Path(__file__).with_name("published.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes:
        path: the file.
        source: its hash.
        changes: number of possible changes.
        noticed: changes that a test noticed, by place.
        same: equivalent changes (`tools/mutants/same.py`).
        survivors: other changes that no test noticed, by place.
    """

    path: str
    source: str
    changes: int
    noticed: tuple[str, ...]
    same: tuple[str, ...]
    survivors: tuple[str, ...]

    @property
    def tried(self) -> int:
        """Number of changes that were tried."""
        return len(self.noticed) + len(self.same) + len(self.survivors)


def entries_of(mutants: Iterable[Mutant], rows: Mapping[str, Row]) -> list[Entry]:
    """Results for each file in its current state."""
    files: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in mutants:
        files.setdefault((mutant.path, mutant.source), []).append(mutant)
    return [_entry(path, source, own, rows) for (path, source), own in files.items()]


def _entry(path: str, source: str, own: list[Mutant], rows: Mapping[str, Row]) -> Entry:
    tried = [rows[m.name] for m in own if m.name in rows and rows[m.name].source == source]
    left = [row for row in tried if not row.noticed]
    return Entry(
        path,
        source,
        len(own),
        tuple(_place(row) for row in tried if row.noticed),
        tuple(_place(row) for row in left if is_same(row)),
        tuple(_place(row) for row in left if not is_same(row)),
    )


def _place(row: Row) -> str:
    return row.name.partition(":")[2]


def is_same(row: Row) -> bool:
    """Whether the change has no effect."""
    return (row.path, row.code, row.words) in SAME


def added(known: Iterable[Entry], new: Iterable[Entry]) -> list[Entry]:
    """Combine known and new results; for a file in the same state, the changes of both."""
    before = {entry.path: entry for entry in known}
    return [_joined(before.get(entry.path), entry) for entry in new]


def _joined(old: Entry | None, new: Entry) -> Entry:
    if old is None or (old.source != new.source and new.tried):
        return new
    if old.source != new.source:
        return old  # of another state, but better than nothing
    told = {*new.noticed, *new.same, *new.survivors}
    return Entry(
        new.path,
        new.source,
        new.changes,
        *(
            tuple(sorted({*now, *(place for place in then if place not in told)}))
            for now, then in (
                (new.noticed, old.noticed),
                (new.same, old.same),
                (new.survivors, old.survivors),
            )
        ),
    )


def read(path: Path = PUBLISHED) -> list[Entry]:
    """Read the published entries."""
    document = json.loads(path.read_text(encoding="utf-8"))
    names = ("noticed", "same", "survivors")
    return [Entry(**(entry | {name: tuple(entry[name]) for name in names})) for entry in document]


def write(entries: Iterable[Entry], path: Path = PUBLISHED) -> None:
    """Publish; one line for each file, for readable diffs."""
    lines = (json.dumps(asdict(entry), separators=(",", ":")) for entry in entries)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def table(entries: Iterable[Entry]) -> str:
    """The numbers as Markdown."""
    rows = [
        f"| `{entry.path}` | {entry.changes} | {entry.tried} | {len(entry.noticed)}"
        f" | {len(entry.same)} | {len(entry.survivors)} |"
        for entry in entries
    ]
    head = "| file | changes | tried | noticed | make no difference | not noticed |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])
