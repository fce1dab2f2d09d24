"""What all findings together say of a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from mappedram.check.finding import Finding, Severity
from mappedram.loader.verdict import Verdict as LoaderVerdict

Verdict = Literal["clean", "harmless", "corrupt", "unsupported"]

#: As `qemu-img check` exits.
EXIT_STATUS: dict[Verdict, int] = {"clean": 0, "corrupt": 2, "harmless": 3, "unsupported": 63}

#: The rule that says that a file, or a part of it, is beyond this package.
NOT_FOLLOWED = "MR004"


@dataclass(frozen=True)
class Report:
    """The findings about one file, ordered by offset and then by code.

    `qemu` is what each release of QEMU makes of the file; it is empty for a stream without
    mapped-ram.
    """

    file: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    qemu: Mapping[str, LoaderVerdict] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        file: str,
        findings: Iterable[Finding],
        qemu: Mapping[str, LoaderVerdict] | None = None,
    ) -> Self:
        """The report with these findings, in any order."""
        ordered = tuple(sorted(findings, key=_position))
        return cls(file, _verdict(ordered), ordered, qemu or {})

    @property
    def exit_status(self) -> int:
        """What a command that prints this report exits with."""
        return EXIT_STATUS[self.verdict]

    def exit_status_for(self, release: str) -> int:
        """The same, where what one release makes of the file is all that counts.

        Of a file that is beyond this package, and of one of which the releases say nothing, it is
        `exit_status`.
        """
        verdict = self.qemu.get(release)
        if verdict is None or self.verdict == "unsupported":
            return self.exit_status
        return EXIT_STATUS["clean" if verdict.outcome == "loads" else "corrupt"]

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "file": self.file,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "qemu": {release: verdict.to_dict() for release, verdict in self.qemu.items()},
        }


def _position(finding: Finding) -> tuple[int, str]:
    return (-1 if finding.offset is None else finding.offset, finding.code)


def _verdict(findings: tuple[Finding, ...]) -> Verdict:
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return "corrupt"
    if any(finding.code == NOT_FOLLOWED for finding in findings):
        return "unsupported"
    return "harmless" if Severity.WARNING in severities else "clean"
