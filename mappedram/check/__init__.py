"""The judgement of a file: what is wrong with it, where exactly, and what QEMU makes of it.

>>> from mappedram.check import check
>>> report = check("guest.mapped-ram")
>>> report.verdict, [finding.code for finding in report.findings]
"""

import os
from collections.abc import Iterator

# Importing a module of rules registers them.
from mappedram.check import (  # noqa: F401
    bitmaps,
    blocks,
    commands,
    configuration,
    ending,
    envelope,
    extents,
    header,
    offsets,
    sections,
)
from mappedram.check.context import Context, Openable, read_with
from mappedram.check.differences import first_difference
from mappedram.check.envelope import refusal_code, refusal_defect
from mappedram.check.finding import Finding, Severity
from mappedram.check.registry import RETIRED, RULES, Rule, find
from mappedram.check.report import Report, Verdict
from mappedram.errors import CheckFailedError, FormatError
from mappedram.model import Stream
from mappedram.snapshot import Snapshot, open_snapshot

__all__ = [
    "RETIRED",
    "RULES",
    "Finding",
    "Report",
    "Rule",
    "Severity",
    "Verdict",
    "check",
    "check_snapshot",
    "find",
]


def check(path_or_fd: Openable, offset: int = 0, *, strict: bool = False) -> Report:
    """Judge a file.

    Args:
        path_or_fd: the file, or an open descriptor, which stays open.
        offset: where the stream begins.
        strict: raise where the verdict is anything but clean.

    Raises:
        CheckFailedError: `strict`, and the file is not clean; it holds all findings.
        OSError: the file cannot be opened or read.
    """
    try:
        snapshot = open_snapshot(path_or_fd, offset, partial=True)
    except FormatError as refusal:
        name = f"<fd {path_or_fd}>" if isinstance(path_or_fd, int) else os.fspath(path_or_fd)
        report = Report.of(name, _refused(refusal, read_with("kaitai", path_or_fd, offset)))
    else:
        with snapshot:
            report = check_snapshot(snapshot)
    if strict and report.verdict != "clean":
        raise CheckFailedError(report.findings)
    return report


def check_snapshot(snapshot: Snapshot) -> Report:
    """Judge a file that is open; it should have been opened with `partial=True`."""
    context = Context(snapshot)
    findings = (finding for rule in RULES.values() for finding in rule.check(context))
    return Report.of(snapshot.source.name, findings)


def _refused(refusal: FormatError, twin: Stream | FormatError) -> Iterator[Finding]:
    """What there is to say of a file that no stream begins in."""
    yield RULES[refusal_code(refusal)].finding(refusal_defect(refusal))
    difference = first_difference(refusal, twin)
    if difference:
        yield RULES["MR005"].finding(difference)
