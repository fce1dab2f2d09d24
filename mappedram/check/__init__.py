"""Check a file: its defects with their offsets, and the result of loading it in QEMU.

`rules` find defects, `judgement` turns them into a verdict, and `reports` writes it in the formats
of other programs. Printing belongs in `cli`, and changing a file in `repair`.

>>> report = mappedram.check("guest.mapped-ram")
>>> report.verdict, [finding.code for finding in report.findings]

Imports: callable_module, errors, json_types, printable, sizes, version, format, io, stream, qemu.
"""

from mappedram.callable_module import make_callable
from mappedram.check.finding import Finding, Severity
from mappedram.check.judgement import Question
from mappedram.check.registry import RETIRED, RULES, Rule, find
from mappedram.check.report import Asked, Report, Verdict
from mappedram.check.run import check, check_snapshot

make_callable(__name__)

__all__ = [
    "RETIRED",
    "RULES",
    "Asked",
    "Finding",
    "Question",
    "Report",
    "Rule",
    "Severity",
    "Verdict",
    "check",
    "check_snapshot",
    "find",
]
