"""The verdict on a file: one table of what was found and of what the releases of QEMU do.

All that is said of a file follows from a `Report`, whose verdict follows from its findings. So the
table is made true by findings: an error is added where it says corrupt and none was found, and
errors become warnings where it says harmless.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mappedram.check.finding import Finding, Place, Severity
from mappedram.check.loading import LoadingCase, unnamed
from mappedram.check.registry import RULES, loading_rules
from mappedram.check.report import NOT_FOLLOWED, Asked, Report
from mappedram.qemu.loader import Destination
from mappedram.qemu.loader import Verdict as LoaderVerdict


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
    loading = LoadingCase(qemu, found, question.asked, place_at)
    if loading.verdict is None:
        return None
    if loading.verdict == "harmless" and loading.worst == "error":
        found = [_lowered(finding) for finding in found]
    found += [finding for finding in _about_loading(loading) if question.wants(finding.code)]
    return Report.of(file, found, qemu, question.asked)


def _about_loading(loading: LoadingCase) -> Iterator[Finding]:
    return (finding for rule in loading_rules() for finding in rule.check(loading))


def _lowered(finding: Finding) -> Finding:
    """An error that does not keep the file from being loaded where it is to be loaded."""
    error = finding.severity == Severity.ERROR
    return replace(finding, severity=Severity.WARNING) if error else finding
