"""Reports in formats of other programs: SARIF 2.1.0 and JUnit XML.

Each module writes one format, report by report, so that thousands of files take no memory. The text
and the JSON of `mappedram check` belong in `cli`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report

__all__ = ["Result", "Results", "Unread"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that there is no report on, and why."""

    file: str
    message: str


Result = Report | Unread
Results = Iterable[Result]
