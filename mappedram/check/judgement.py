"""The verdict on a file, from a table of findings and of the results of QEMU releases.

All output about a file is derived from its `Report`, and the verdict of the report from its
findings. The findings are adjusted to match the table: if it says corrupt without an error, one is
added; if it says harmless, errors become warnings.
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
    """Select all rules."""
    return True


@dataclass(frozen=True)
class Question:
    """The question that a report answers.

    Attributes:
        release: the only release to consider; None for all.
        destination: the destination that loads the file; None for one that matches it.
        takes: whether to report findings with a code.
    """

    release: str | None = None
    destination: Destination | None = None
    takes: Callable[[str], bool] = everything

    @property
    def asked(self) -> Asked:
        """The question, as recorded in the report."""
        return Asked(self.release, self.destination is not None)

    def wants(self, code: str) -> bool:
        """Whether findings of a rule count.

        Findings that answer the question about QEMU always do, and so does MR004: a file that
        cannot be parsed must not be reported as clean.
        """
        return (
            code == NOT_FOLLOWED
            or self.takes(code)
            or (bool(self.asked) and RULES[code].subject == "loading")
        )

    @property
    def asks_releases(self) -> bool:
        """Whether the results of the releases affect the verdict."""
        return self.wants("MR061")


def judged(
    file: str,
    findings: Sequence[Finding],
    qemu: Mapping[str, LoaderVerdict],
    question: Question = Question(),
    place_at: Callable[[int], Place] = unnamed,
) -> Report | None:
    """The report on a file; None if the question cannot be answered.

    Args:
        file: name of the file.
        findings: findings of the rules about the file.
        qemu: result of each release.
        question: selection of findings and releases.
        place_at: the place of an offset in the file.
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
    """An error, lowered to a warning, because the selected QEMU loads the file nonetheless."""
    error = finding.severity == Severity.ERROR
    return replace(finding, severity=Severity.WARNING) if error else finding
