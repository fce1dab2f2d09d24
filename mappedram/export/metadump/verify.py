"""Compare the findings of `mappedram check` on a metadump with those on the original."""

from dataclasses import dataclass

from mappedram.check import Report, check
from mappedram.io.source import Source


@dataclass(frozen=True)
class VerdictComparison:
    """Comparison of two reports of `check`.

    Attributes:
        report: on the metadump.
        same_findings: whether the findings are those on the original, word for word.
        same_verdicts: whether each release of QEMU has the same verdict on both. It may not if the
            loader goes on through bytes that the reader does not know as structure.
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
