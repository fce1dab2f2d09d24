"""Reports in the forms that other programs take: SARIF 2.1.0 and JUnit XML.

Each module makes a document of reports as they come, so that thousands of files take no memory.
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
