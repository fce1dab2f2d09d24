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
_MORE = f"more findings of this rule are not listed; the limit is {FINDINGS_MAX}"


#: Finds the defects; the argument is a `Context` or a `LoadingCase`, depending on the `subject`.
Judging = Callable[[Never], Iterator[Defect]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: stable, never reused for another rule: `MR0` envelope, framing and loading, `MR1`
            list of RAM blocks, `MR2` mapped-ram header, `MR3` bitmap, `MR4` regions, `MR5` libvirt
            save image around the stream.
        name: name of the defect, in kebab-case.
        severity: severity of all findings of the rule.
        defect: what is wrong with the file, in one sentence.
        summary: the requirement, in one sentence.
        why: the consequence of a violation.
        remedy: how to proceed with a file that violates the rule.
        clause: the clause of spec/format.md that requires it.
        errata: the cards of spec/errata.md about programs that write such files.
        qemu: the function of QEMU that writes or reads the value.
        judge: the function that finds defects.
        subject: the input of the rule: a `Context` of the file, or a `LoadingCase`.
    """

    code: str
    name: str
    severity: Severity
    defect: str
    summary: str
    why: str
    remedy: str
    clause: str
    errata: tuple[str, ...]
    qemu: str
    judge: Judging
    subject: Literal["file", "loading"]

    def check(self, subject: Context | LoadingCase) -> Iterator[Finding]:
        """The findings of the rule: at most `FINDINGS_MAX`, and a note if there are more."""
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

#: Retired codes: the version that dropped each code, and its successor, if any.
RETIRED: dict[str, tuple[str, str | None]] = {}


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    defect: str,
    clause: str,
    qemu: str,
    errata: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Register a function as a rule. Its docstring has the summary, then `Why:` and `Remedy:`."""

    def register(judge: Judge) -> Judge:
        _register(judge, "file", code, name, severity, defect, clause, errata, qemu)
        return judge

    return register


def loading_rule(
    code: str, name: str, severity: Severity, *, defect: str, clause: str, qemu: str
) -> Callable[[LoadingJudge], LoadingJudge]:
    """Register a function as a rule about the results of QEMU releases."""

    def register(judge: LoadingJudge) -> LoadingJudge:
        _register(judge, "loading", code, name, severity, defect, clause, (), qemu)
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
    name, severity, defect, clause, errata, qemu = described
    RULES[code] = Rule(
        code, name, severity, defect, summary, why, remedy, clause, errata, qemu, judge, subject
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
