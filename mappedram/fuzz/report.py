"""Reports of failures: the field, the clause, the rule, and how to reproduce it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.check import Rule, check, find
from mappedram.fuzz.cases import Case
from mappedram.fuzz.clauses import clause_of
from mappedram.fuzz.mutate import LENGTH, Mutation
from mappedram.fuzz.targets.base import FAILURES, Observation
from mappedram.json_types import Json
from mappedram.printable import printable

#: Name of the file in the folder of a report.
FILE = "reproducer.mapped-ram"

#: Most lines shown of a target's output.
_LINES_MAX = 40
#: Bytes shown of a field that is not a number.
_BYTES_SHOWN = 16


@dataclass(frozen=True, slots=True)
class FoundFailure:
    """A failure of a target, with the file that causes it.

    Attributes:
        case: the minimised file.
        observation: the behaviour of the target.
        target: name of the target.
        command: how to try the file by hand, from within the folder of the report.
        seed: of the run.
        index: number of the first file that failed like this, from 0.
        executions: number of files tried until then.
        seconds: time until then.
    """

    case: Case
    observation: Observation
    target: str
    command: str
    seed: int
    index: int
    executions: int
    seconds: float

    @property
    def key(self) -> tuple[str, ...]:
        """Key for deduplicating failures: kind, sign, and fields."""
        return (self.observation.kind, self.observation.sign, *places(self.case))

    @property
    def name(self) -> str:
        """A name for a folder."""
        last = [place.rpartition("/")[2] for place in places(self.case)]
        parts = (self.observation.kind, self.observation.sign, *last)
        return re.sub(r"[^\w.]+", "-", "-".join(filter(None, parts))).strip("-")[:100]


def places(case: Case) -> tuple[str, ...]:
    """The fields that differ from the clean file, without numbers of blocks and sections."""
    if not case.mutations:
        return (case.name,)
    return tuple(sorted({place_of(change) for change in case.mutations}))


def place_of(change: Mutation) -> str:
    """Path of the field, without the numbers of block, section and byte."""
    return re.sub(r"\[\d+\]", "[]", change.path).removesuffix("[]")


def broken_rules(case: Case) -> tuple[Rule, ...]:
    """The rules that the file breaks, by `check`; truncation does not count.

    None if `check` raises, which may be the reported failure itself.
    """
    try:
        with case.whole.opened() as fd:
            report = check(fd, case.clean.offset)
    except Exception:
        return ()
    return tuple(find(code) for code in sorted({finding.code for finding in report.findings}))


def as_dict(found: FoundFailure) -> dict[str, Json]:
    """The report for JSON."""
    case, observation = found.case, found.observation
    return {
        "target": found.target,
        "kind": observation.kind,
        "sign": observation.sign or None,
        "fields": list(places(case)),
        "message": observation.message,
        "seed": found.seed,
        "case": found.index,
        "executions": found.executions,
        "seconds": round(found.seconds, 1),
        "offset": case.clean.offset,
        "size": case.file.size,
        "cut": case.cut,
        "mutations": [
            {
                "path": change.path,
                "offset": change.offset,
                "before": change.before.hex(),
                "after": change.after.hex(),
                "what": change.what,
                "clause": clause_of(place_of(change)),
            }
            for change in case.mutations
        ],
        "rules": [
            {"code": rule.code, "name": rule.name, "clause": rule.clause}
            for rule in broken_rules(case)
        ],
        "command": found.command,
    }


def as_text(found: FoundFailure) -> str:
    """The report for people, as Markdown."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: FoundFailure) -> Iterator[str]:
    case, observation = found.case, found.observation
    yield f"# {found.target}: {observation.kind}{f' ({observation.sign})' * bool(observation.sign)}"
    yield ""
    yield f"{FAILURES[observation.kind].capitalize()}."
    yield ""
    yield "## What differs from a clean file"
    yield ""
    if not case.mutations:
        yield f"The file itself: {case.name} ({case.clean.origin})."
    for change in case.mutations:
        yield f"- {_described(change)}"
    if case.cut is not None:
        yield f"- the file is cut off at {case.cut:#x}: nothing behind that is needed"
    rules = broken_rules(case)
    if rules:
        yield from ("", "## Rules that the file breaks", "")
        for rule in rules:
            yield f"- {rule.code} {rule.name}, clause {rule.clause}: {rule.summary}"
    yield from ("", "## To see it again", "")
    yield f"    {found.command}"
    yield ""
    yield (
        f"The stream begins at {case.clean.offset:#x} of `{FILE}`. It was file"
        f" {found.index} of seed {found.seed}, after {found.executions} executions and"
        f" {found.seconds:.1f} s. Clauses are those of spec/format.md; `mappedram explain` tells of"
        " rules."
    )
    if observation.message:
        yield from ("", "## What the target said", "")
        lines = observation.message.splitlines()[:_LINES_MAX]
        yield from (f"    {printable(line)}" for line in lines)


def _described(change: Mutation) -> str:
    clause = clause_of(place_of(change))
    where = f", clause {clause}" if clause else ""
    if change.path == LENGTH:
        return f"the length of the file{where}: {change.what}"
    before, after = (_shown(data) for data in (change.before, change.after))
    return f"`{change.path}` at {change.offset:#x}{where}: {before} -> {after} ({change.what})"


def _shown(data: bytes) -> str:
    """A field as number, or as bytes."""
    if len(data) in (1, 2, 4, 8):
        return f"{int.from_bytes(data, 'big'):#x}"
    return data[:_BYTES_SHOWN].hex() + ("..." if len(data) > _BYTES_SHOWN else "")
