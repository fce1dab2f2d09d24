"""What a report is written of: a judgement, or the reason why a file has none."""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that there is no report on, and why."""

    file: str
    message: str


Result = Report | Unread
Results = Iterable[Result]
