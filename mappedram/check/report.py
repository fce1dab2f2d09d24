"""What is said of a file: its findings, what the releases of QEMU do with it, and the verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from mappedram.check.finding import Finding, Severity
from mappedram.json_types import Json
from mappedram.qemu.loader.verdict import Verdict as LoaderVerdict

Verdict = Literal["clean", "harmless", "corrupt", "unsupported"]

#: As `qemu-img check` exits.
EXIT_STATUS: dict[Verdict, int] = {"clean": 0, "corrupt": 2, "harmless": 3, "unsupported": 63}

#: The rule that says that a file, or a part of it, is beyond this package.
NOT_FOLLOWED = "MR004"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report answers.

    Attributes:
        release: the one release of QEMU that it is about; None for all of them.
        destination: whether it is about a certain destination, not about one that fits the file.
    """

    release: str | None = None
    destination: bool = False

    def __bool__(self) -> bool:
        """Whether the report is about less than all releases at any destination."""
        return self.release is not None or self.destination

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {"qemu": self.release, "destination": self.destination}


@dataclass(frozen=True)
class Report:
    """The findings about one file, ordered by offset and then by code.

    Every form of the report says the same, because all follow from the findings: the file is
    corrupt where one is an error, and harmless where one is a warning. `mappedram.check.judgement`
    sees to it that the findings agree with what the releases do.

    Attributes:
        file: its name.
        verdict: what all of it amounts to.
        findings: all that were chosen.
        qemu: what each release does with the file: all that were asked, or the one that was. Empty
            where none was, or where nothing is modelled, as of devices alone.
        asked: the question.
    """

    file: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    qemu: Mapping[str, LoaderVerdict] = field(default_factory=dict)
    asked: Asked = Asked()

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
        """What a command that prints this report exits with."""
        return EXIT_STATUS[self.verdict]

    def to_dict(self) -> dict[str, Json]:
        """The report for JSON."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "qemu": {release: verdict.to_dict() for release, verdict in self.qemu.items()},
            "asked": self.asked.to_dict(),
        }


def _position(finding: Finding) -> tuple[int, str]:
    return (-1 if finding.offset is None else finding.offset, finding.code)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """What findings amount to."""
    findings = tuple(findings)
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return "corrupt"
    if any(finding.code == NOT_FOLLOWED for finding in findings):
        return "unsupported"
    return "harmless" if Severity.WARNING in severities else "clean"
