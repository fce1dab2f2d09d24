"""The verdict on a file: one table of what was found and of what the releases of QEMU do.

All that is said of a file follows from a `Report`, whose verdict follows from its findings. So the
table is made true by findings: an error is added where it says corrupt and none was found, and
errors become warnings where it says harmless.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mappedram.check.finding import Finding, Place, Severity
from mappedram.check.loading import ELSEWHERE
from mappedram.check.registry import RULES, loading_rules
from mappedram.check.report import NOT_FOLLOWED, Asked, Report, Verdict, verdict_of
from mappedram.loader import Destination
from mappedram.loader import Verdict as LoaderVerdict

#: What the rules about the file found, by the worst of it.
Worst = Literal["error", "not followed", "warning", "nothing"]
#: What becomes of the file in the releases that were asked.
Loads = Literal["all", "perhaps", "some", "wrong", "none", "not asked"]

WORST: dict[Worst, str] = {
    "error": "an error",
    "not followed": "MR004: the file, or a part of it, was not followed",
    "warning": "a warning at worst",
    "nothing": "nothing, or notes",
}
LOADS: dict[Loads, str] = {
    "all": "all load it with the right memory",
    "perhaps": "all load it as far as can be told, or lack a device that other builds have",
    "some": "some load it with the right memory, others refuse it, crash or hang",
    "wrong": "some load it with the right memory, others load it with wrong memory",
    "none": "none loads it with the right memory",
    "not asked": "none was asked, or nothing is modelled",
}

#: By what was found and by what becomes of the file: the verdict where all releases are asked with
#: a destination that fits the file, and where a release or a destination is named. None: refused.
TABLE: dict[tuple[Worst, Loads], tuple[Verdict, Verdict | None]] = {
    ("error", "all"): ("corrupt", "harmless"),
    ("error", "perhaps"): ("corrupt", "corrupt"),
    ("error", "some"): ("corrupt", "corrupt"),
    ("error", "wrong"): ("corrupt", "corrupt"),
    ("error", "none"): ("corrupt", "corrupt"),
    ("error", "not asked"): ("corrupt", None),
    ("not followed", "all"): ("unsupported", "unsupported"),
    ("not followed", "perhaps"): ("unsupported", "unsupported"),
    ("not followed", "some"): ("unsupported", "unsupported"),
    ("not followed", "wrong"): ("unsupported", "unsupported"),
    ("not followed", "none"): ("unsupported", "unsupported"),
    ("not followed", "not asked"): ("unsupported", "unsupported"),
    ("warning", "all"): ("harmless", "harmless"),
    ("warning", "perhaps"): ("harmless", "harmless"),
    ("warning", "some"): ("harmless", "harmless"),
    ("warning", "wrong"): ("harmless", "harmless"),
    ("warning", "none"): ("corrupt", "corrupt"),
    ("warning", "not asked"): ("harmless", None),
    ("nothing", "all"): ("clean", "clean"),
    ("nothing", "perhaps"): ("clean", "clean"),
    ("nothing", "some"): ("clean", "clean"),
    ("nothing", "wrong"): ("harmless", "harmless"),
    ("nothing", "none"): ("corrupt", "corrupt"),
    ("nothing", "not asked"): ("clean", None),
}


def unnamed(offset: int) -> Place:
    """A byte of which nothing is known but where it is."""
    return Place(offset, None, "")


def everything(_: str) -> bool:
    """A choice of all rules."""
    return True


@dataclass(frozen=True)
class Question:
    """What somebody wants to know of a file.

    Attributes:
        release: the one release that counts; None for all.
        destination: what is to load the file; None for one that fits it.
        takes: whether findings of the rule with a code are wanted.
    """

    release: str | None = None
    destination: Destination | None = None
    takes: Callable[[str], bool] = everything

    @property
    def asked(self) -> Asked:
        """What the report says of this."""
        return Asked(self.release, self.destination is not None)

    def wants(self, code: str) -> bool:
        """Whether findings of a rule count.

        Those that say what is asked about QEMU always do. Nothing can be said of a file that is not
        followed, least of all that it is clean.
        """
        return (
            code == NOT_FOLLOWED
            or self.takes(code)
            or (bool(self.asked) and RULES[code].subject == "loading")
        )

    @property
    def asks_releases(self) -> bool:
        """Whether it matters what the releases do with the file."""
        return self.wants("MR061")


@dataclass(frozen=True)
class Loading:
    """What the rules about loading look at.

    Attributes:
        qemu: what each release does with the file.
        found: what the rules about the file found, all that counts.
        asked: the question.
        place_at: what stands at a byte of the file.
    """

    qemu: Mapping[str, LoaderVerdict]
    found: Sequence[Finding]
    asked: Asked
    place_at: Callable[[int], Place] = unnamed

    @property
    def worst(self) -> Worst:
        """The line of the table."""
        verdict = verdict_of(self.found)
        lines: dict[Verdict, Worst] = {
            "corrupt": "error",
            "unsupported": "not followed",
            "harmless": "warning",
            "clean": "nothing",
        }
        return lines[verdict]

    @property
    def loads(self) -> Loads:
        """The column of the table."""
        verdicts = self.qemu.values()
        good = [verdict for verdict in verdicts if verdict.outcome == "loads"]
        if not verdicts:
            return "not asked"
        if len(good) == len(verdicts):
            return "all" if all(verdict.certain for verdict in good) else "perhaps"
        if any(verdict.outcome == "wrong-memory" for verdict in verdicts):
            return "wrong" if good else "none"
        if not self.asked and all(
            verdict.outcome == "loads" or ELSEWHERE.issuperset(verdict.because)
            for verdict in verdicts
        ):
            return "some" if good else "perhaps"
        return "some" if good else "none"

    @property
    def verdict(self) -> Verdict | None:
        """The cell of the table."""
        return TABLE[self.worst, self.loads][bool(self.asked)]


def judged(
    file: str,
    findings: Sequence[Finding],
    qemu: Mapping[str, LoaderVerdict],
    question: Question = Question(),
    place_at: Callable[[int], Place] = unnamed,
) -> Report | None:
    """The report on a file; None where what was asked cannot be answered.

    Args:
        file: its name.
        findings: what the rules about the file found.
        qemu: what each release does with it.
        question: which of all this counts.
        place_at: what stands at a byte of the file.
    """
    release = question.release
    if not question.asks_releases:
        qemu = {}
    elif release is not None:
        qemu = {name: verdict for name, verdict in qemu.items() if name == release}
    found = [finding for finding in findings if question.wants(finding.code)]
    loading = Loading(qemu, found, question.asked, place_at)
    if loading.verdict is None:
        return None
    if loading.verdict == "harmless" and loading.worst == "error":
        found = [_lowered(finding) for finding in found]
    found += [finding for finding in _about_loading(loading) if question.wants(finding.code)]
    return Report.of(file, found, qemu, question.asked)


def _about_loading(loading: Loading) -> Iterator[Finding]:
    return (finding for rule in loading_rules() for finding in rule.check(loading))


def _lowered(finding: Finding) -> Finding:
    """An error that does not keep the file from being loaded where it is to be loaded."""
    error = finding.severity == Severity.ERROR
    return replace(finding, severity=Severity.WARNING) if error else finding
