"""The table of all rules. A rule is a small function with a code, a name and a severity."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Never, cast

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Finding, Place, Severity
from mappedram.check.loading import LoadingCase
from mappedram.errors import UnknownNameError
from mappedram.printable import printable

Judge = Callable[[Context], Iterator[Defect]]
LoadingJudge = Callable[[LoadingCase], Iterator[Defect]]

#: Findings of one rule. A file of 1 MiB can have two hundred thousand sections, all of them wrong.
FINDINGS_MAX = 1000
_MORE = f"there are more places like these; only {FINDINGS_MAX} are told"


#: Finds the defects; each rule takes what its `subject` says.
Judging = Callable[[Never], Iterator[Defect]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: stable, never given to another rule: `MR0` envelope and framing, and loading as a
            whole, `MR1` list of RAM blocks, `MR2` mapped-ram header, `MR3` bitmap, `MR4` regions,
            `MR5` save image of libvirt around the stream.
        name: names the defect, in kebab-case.
        severity: the same for all findings of the rule.
        summary: what holds in a file without findings of the rule, in one sentence.
        why: what happens otherwise.
        remedy: what to do about a file with such a finding.
        clause: the clause of spec/format.md that demands it.
        errata: the cards of spec/errata.md that tell of programs at fault.
        qemu: the function of QEMU that writes or reads it.
        judge: finds the defects.
        subject: what it looks at: a `Context` of the file, or a `LoadingCase`.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    remedy: str
    clause: str
    errata: tuple[str, ...]
    qemu: str
    judge: Judging
    subject: Literal["file", "loading"]

    def check(self, subject: Context | LoadingCase) -> Iterator[Finding]:
        """What the rule has to say about a file: at most `FINDINGS_MAX`, and that there is more."""
        judge = cast("Callable[[Context | LoadingCase], Iterator[Defect]]", self.judge)
        defects = judge(subject)
        yield from map(self.finding, islice(defects, FINDINGS_MAX))
        if next(defects, None):
            yield self.finding(Defect(_MORE, Place(None, None, "")))

    def finding(self, defect: Defect) -> Finding:
        """The defect as a finding of this rule."""
        return Finding(
            self.code,
            self.name,
            self.severity,
            printable(defect.message),
            *defect.place,
            defect.expected and printable(defect.expected),
            defect.actual and printable(defect.actual),
        )


_PARTS = re.compile(r"\n\n(?:Why|Remedy):\n")

#: All rules by code, in order.
RULES: dict[str, Rule] = {}

#: Codes that are no longer in use: the version that dropped each, and its successor if it has one.
RETIRED: dict[str, tuple[str, str | None]] = {}


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    clause: str,
    qemu: str,
    errata: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Register a function as rule. Its docstring has the summary, then `Why:` and `Remedy:`."""

    def register(judge: Judge) -> Judge:
        _register(judge, "file", code, name, severity, clause, errata, qemu)
        return judge

    return register


def loading_rule(
    code: str, name: str, severity: Severity, *, clause: str, qemu: str
) -> Callable[[LoadingJudge], LoadingJudge]:
    """The same for a rule about what the releases of QEMU do with a file."""

    def register(judge: LoadingJudge) -> LoadingJudge:
        _register(judge, "loading", code, name, severity, clause, (), qemu)
        return judge

    return register


def _register(
    judge: Judging,
    subject: Literal["file", "loading"],
    code: str,
    *described: Any,
) -> None:
    parts = _PARTS.split(inspect.cleandoc(judge.__doc__ or ""))
    summary, why, remedy = (" ".join(text.split()) for text in (*parts, "", "")[:3])
    name, severity, clause, errata, qemu = described
    RULES[code] = Rule(
        code, name, severity, summary, why, remedy, clause, errata, qemu, judge, subject
    )
    for known in sorted(RULES):  # in order, whichever module is imported first
        RULES[known] = RULES.pop(known)


def file_rules() -> list[Rule]:
    """The rules about files, in order."""
    return [rule for rule in RULES.values() if rule.subject == "file"]


def loading_rules() -> list[Rule]:
    """The rules about what the releases of QEMU do, in order."""
    return [rule for rule in RULES.values() if rule.subject == "loading"]


def find(code: str) -> Rule:
    """The rule of that code, or the one that has taken the place of a retired one.

    Raises:
        UnknownNameError: there is no such rule.
    """
    _, successor = RETIRED.get(code, ("", None))
    found = RULES.get(successor or code)
    if found is None:
        raise UnknownNameError("rule", code, RULES)
    return found
