"""Reports in formats of other programs: SARIF 2.1.0 and JUnit XML.

Each module writes one format, report by report, so that thousands of files take no memory. The text
and the JSON of `mappedram check` belong in `cli`.
"""

from mappedram.check.reports.result import Result, Results, Unread

__all__ = ["Result", "Results", "Unread"]
