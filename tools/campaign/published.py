"""Published results of campaigns: `published.json`, from which the pages are made.

An entry has the results of one QEMU for one shard of a plan. A repeated entry replaces the existing
one if it has more mutants, and is dropped otherwise.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from tools.campaign.explained import explanation_of
from tools.campaign.plan import Plan, Shard
from tools.campaign.results import Results, ResultsError, Row, merge

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
PUBLISHED = Path(__file__).with_name("published.json")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Mutants of one machine and form with the same result.

    Attributes:
        machine: guest.
        form: `mapped-ram` or `plain`.
        outcome: of QEMU.
        model: outcome of the model.
        certain: whether the model says that the file alone decides; None if that was not recorded.
        mutants: their number.
    """

    machine: str
    form: str
    outcome: str
    model: str
    certain: bool | None
    mutants: int


@dataclass(frozen=True, slots=True, order=True)
class KindCell:
    """Mutants with a mutation of one kind; a mutant with several kinds counts for each."""

    form: str
    kind: str
    outcome: str
    model: str
    mutants: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Results of one QEMU for one shard.

    Attributes:
        plan: the plan; None for campaigns without shards.
        shard: the part, as `K/N`.
        arch: target of the QEMU.
        version: of the QEMU.
        date: of the last results.
        commits: commits of this repository whose model judged.
        mutants: their number.
        by_mutations: number of mutants with one, two and three mutations.
        cells: by machine and form.
        kinds: by the kind of mutation.
        right: number of predicted messages that QEMU wrote.
        foretold: number of predicted messages of refusals.
        explained: mutants with different results, by explanation.
        unexplained: other mutants with different results.
        contradictory: mutants with several outcomes in the same QEMU; not counted elsewhere.
        milliseconds: of the mean load.
    """

    plan: Plan | None
    shard: str
    arch: str
    version: str
    date: str
    commits: tuple[str, ...]
    mutants: int
    by_mutations: tuple[int, ...]
    cells: tuple[Cell, ...]
    kinds: tuple[KindCell, ...]
    right: int
    foretold: int
    explained: Mapping[str, int]
    unexplained: int
    contradictory: int
    milliseconds: int

    @classmethod
    def of(cls, results: Results, arch: str, version: str, date: str) -> Self:
        """The results of one QEMU for a shard, from its rows."""
        merged = merge(r for r in results.rows if (r.arch, r.version) == (arch, version))
        rows, differing = merged.rows, [row for row in merged.rows if not row.agrees]
        names = Counter(map(explanation_of, differing))
        unexplained = names.pop(None, 0)
        right, foretold = messages(rows)
        counts = Counter(len(row.mutations) for row in rows)
        return cls(
            plan=results.plan,
            shard=str(results.shard),
            arch=arch,
            version=version,
            date=date,
            commits=tuple(sorted({row.commit for row in rows})),
            mutants=len(rows),
            by_mutations=tuple(counts[n] for n in (1, 2, 3)),
            cells=tuple(_cells(rows)),
            kinds=tuple(_kinds(rows)),
            right=right,
            foretold=foretold,
            explained={str(name): n for name, n in sorted(names.items(), key=str)},
            unexplained=unexplained,
            contradictory=len({row.key for row in merged.contradictory}),
            milliseconds=round(1000 * sum(row.seconds for row in rows) / max(1, len(rows))),
        )

    @property
    def key(self) -> tuple[Plan | None, str, str, str]:
        """Equal for the same shard in the same QEMU."""
        return self.plan, self.shard, self.arch, self.version

    def excludes(self, other: "Entry") -> bool:
        """Whether two different entries may have common mutants, so that only one may be kept."""
        if self.plan is None or other.plan is None or self.key == other.key:
            return False
        if (self.arch, self.version) != (other.arch, other.version):
            return False
        if self.plan != other.plan:
            return self.plan.seed == other.plan.seed
        return Shard.parse(self.shard).overlaps(Shard.parse(other.shard))

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with abbreviated cells."""
        entry = {one.name: getattr(self, one.name) for one in fields(self)}
        entry["plan"] = asdict(self.plan) if self.plan else None
        for name in ("cells", "kinds"):
            entry[name] = [list(asdict(cell).values()) for cell in entry[name]]
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Self:
        """Read an entry from JSON."""
        values = {one.name: entry[one.name] for one in fields(cls)}
        plan = values["plan"]
        values["plan"] = plan and Plan(plan["seed"], tuple(plan["files"]), tuple(plan["kinds"]))
        values["cells"] = tuple(Cell(*cell) for cell in values["cells"])
        values["kinds"] = tuple(KindCell(*cell) for cell in values["kinds"])
        values |= {name: tuple(values[name]) for name in ("commits", "by_mutations")}
        return cls(**values)


def _cells(rows: Iterable[Row]) -> Iterator[Cell]:
    found = Counter((r.machine, r.form, r.outcome, r.model, r.certain) for r in rows)
    return (Cell(*key, mutants) for key, mutants in sorted(found.items()))


def _kinds(rows: Iterable[Row]) -> Iterator[KindCell]:
    found = Counter((r.form, kind, r.outcome, r.model) for r in rows for kind in r.kinds)
    return (KindCell(*key, mutants) for key, mutants in sorted(found.items()))


def messages(rows: Iterable[Row]) -> tuple[int, int]:
    """Predicted messages of refusals: how many were right, and their number."""
    foretold = [row for row in rows if row.agrees and row.expected and row.said]
    right = sum(_readable(row.expected or "") in _readable(row.said) for row in foretold)
    return right, len(foretold)


def _readable(text: str) -> str:
    """A text with one mark for each sequence of non-ASCII bytes.

    Such bytes only come from the file; QEMU writes them unchanged to standard error, but replaces
    them in the reason that it gives over QMP.
    """
    return _FOREIGN.sub("\ufffd", text)


def entries_of(results: Iterable[Results], date: str) -> list[Entry]:
    """Make entries from files of results; files of one shard are combined."""
    shards: dict[tuple[Plan, Shard], list[Row]] = {}
    for one in results:
        shards.setdefault((one.plan, one.shard), []).extend(one.rows)
    return [
        Entry.of(Results(plan, shard, tuple(rows)), *qemu, date)
        for (plan, shard), rows in shards.items()
        for qemu in sorted({(row.arch, row.version) for row in rows})
    ]


def added(known: Sequence[Entry], new: Iterable[Entry]) -> list[Entry]:
    """Add entries to others.

    Raises:
        ResultsError: one may have mutants in common with an existing one.
    """
    found = {entry.key: entry for entry in known}
    for entry in new:
        if clash := next((one for one in found.values() if one.excludes(entry)), None):
            raise ResultsError(
                f"shard {entry.shard} of seed {entry.plan and entry.plan.seed} in {entry.version}"
                f" overlaps shard {clash.shard} of the same seed, which is published"
            )
        there = found.get(entry.key)
        if there is None or there.mutants < entry.mutants or _judged_anew(there, entry):
            found[entry.key] = entry
    return list(found.values())


def _judged_anew(there: Entry, entry: Entry) -> bool:
    """Whether two entries differ only in the model's answers."""
    same = replace(there, date=entry.date) != entry and there.mutants == entry.mutants
    return same and there.commits != entry.commits


def read(path: Path) -> list[Entry]:
    """Read the published entries."""
    return [Entry.from_dict(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def write(entries: Iterable[Entry], path: Path) -> None:
    """Publish; one line for each entry and each of its parts, for readable diffs."""
    blocks = (
        ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in e.items())
        for e in (entry.to_dict() for entry in entries)
    )
    path.write_text("[{\n" + "\n},{\n".join(blocks) + "\n}]\n", encoding="utf-8")
