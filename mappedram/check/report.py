"""The report on a file: its findings, the results of QEMU releases, and the verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from mappedram.check.finding import Finding, Severity
from mappedram.check.releases import remedy_of
from mappedram.json_types import Json
from mappedram.qemu.loader.verdict import Verdict as LoaderVerdict

Verdict = Literal["clean", "harmless", "corrupt", "unsupported"]

#: Exit statuses, as in `qemu-img check`.
EXIT_STATUS: dict[Verdict, int] = {"clean": 0, "corrupt": 2, "harmless": 3, "unsupported": 63}

#: The rule for a file, or a part of it, that this package cannot parse.
NOT_FOLLOWED = "MR004"


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that a report answers.

    Attributes:
        release: the only release of QEMU considered; None for all.
        destination: whether a destination was given, instead of one that matches the file.
    """

    release: str | None = None
    destination: bool = False

    def __bool__(self) -> bool:
        """Whether the report is limited to one release or one destination."""
        return self.release is not None or self.destination

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {"qemu": self.release, "destination": self.destination}


@dataclass(frozen=True)
class Report:
    """The findings about one file, ordered by offset and then by code.

    All output formats agree, because they are derived from the findings: an error makes the file
    corrupt, a warning makes it harmless. `mappedram.check.judgement` adjusts the findings to the
    results of the releases.

    Attributes:
        file: name of the file.
        verdict: the verdict.
        findings: the selected findings.
        qemu: result of each release considered. Empty if none is, or if nothing is modelled, as
            for a stream without RAM.
        asked: the question.
        machine: the machine type that the file names; None if it names none.
        not_judged: codes of the rules that were not judged, or only in part: those about bytes
            that are rarely of interest, which are not read of a remote file.
    """

    file: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    qemu: Mapping[str, LoaderVerdict] = field(default_factory=dict)
    asked: Asked = Asked()
    machine: str | None = None
    not_judged: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        file: str,
        findings: Iterable[Finding],
        qemu: Mapping[str, LoaderVerdict] | None = None,
        asked: Asked = Asked(),
    ) -> Self:
        """The report with these findings, in any order."""
        ordered = tuple(sorted(findings, key=_position))
        return cls(file, verdict_of(ordered), ordered, qemu or {}, asked)

    def __repr__(self) -> str:
        counts = Counter(finding.severity for finding in self.findings)
        told = ", ".join(f"{counts[severity]} {severity}" for severity in counts)
        return f"<Report on {self.file!r}: {self.verdict}; findings: {told or 'none'}>"

    @property
    def exit_status(self) -> int:
        """Exit status of a command that prints this report."""
        return EXIT_STATUS[self.verdict]

    def to_dict(self) -> dict[str, Json]:
        """The report for JSON."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "machine": self.machine,
            "findings": [finding.to_dict() for finding in self.findings],
            "qemu": {release: _as_dict(verdict) for release, verdict in self.qemu.items()},
            "asked": self.asked.to_dict(),
            "not_judged": list(self.not_judged),
        }


def _as_dict(verdict: LoaderVerdict) -> dict[str, Json]:
    """The result of a release, with `remedy` if an erratum of QEMU is the reason."""
    remedy = remedy_of(verdict)
    return verdict.to_dict() | ({"remedy": remedy} if remedy else {})


def unread(file: str, message: str, asked: Asked) -> dict[str, Json]:
    """The report for JSON on a file about which nothing was found out, for the reason given."""
    return {
        "file": file,
        "verdict": None,
        "error": message,
        "machine": None,
        "findings": [],
        "qemu": {},
        "asked": asked.to_dict(),
        "not_judged": [],
    }


def _position(finding: Finding) -> tuple[int, str]:
    return (-1 if finding.offset is None else finding.offset, finding.code)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The verdict that follows from findings."""
    findings = tuple(findings)
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return "corrupt"
    if any(finding.code == NOT_FOLLOWED for finding in findings):
        return "unsupported"
    return "harmless" if Severity.WARNING in severities else "clean"
