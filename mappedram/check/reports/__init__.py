"""Reports in formats of other programs: SARIF 2.1.0 and JUnit XML.

Each module writes one format, report by report, so that memory does not grow with the number of
files. The text and the JSON output of `mappedram check` belong in `cli`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report

__all__ = ["Result", "Results", "Unread"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A file without a report, and the reason."""

    file: str
    message: str


Result = Report | Unread
Results = Iterable[Result]
