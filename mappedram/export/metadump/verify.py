"""Whether `mappedram check` says the same of a metadump as of the file that it was made of."""

from dataclasses import dataclass

from mappedram.check import Report, check
from mappedram.io.source import Source


@dataclass(frozen=True)
class VerdictComparison:
    """What `check` says of both.

    Attributes:
        report: on the metadump.
        same_findings: whether the findings are those on the original, word for word.
        same_verdicts: whether each release of QEMU is said to come to the same with both. Where the
            loader goes on through bytes that no reader knows as structure, it may not be.
    """

    report: Report
    same_findings: bool
    same_verdicts: bool


def compare(original: Source, metadump: int, offset: int) -> VerdictComparison:
    """Judge both, the metadump as an open descriptor.

    Raises:
        OSError: reading failed.
    """
    here, there = check(original, offset), check(metadump, offset)
    return VerdictComparison(
        there, here.findings == there.findings, _outcomes(here) == _outcomes(there)
    )


def _outcomes(report: Report) -> dict[str, str]:
    return {release: verdict.outcome for release, verdict in report.qemu.items()}
