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
    libvirt,
    offsets,
    sections,
)
from mappedram.check.container import Container, unpacked
from mappedram.check.context import Context, Openable, read_with
from mappedram.check.differences import first_difference
from mappedram.check.envelope import refusal_code, refusal_defect
from mappedram.check.finding import Finding, Severity
from mappedram.check.registry import RETIRED, RULES, Rule, find
from mappedram.check.report import Report, Verdict
from mappedram.errors import CheckFailedError, FormatError, UnsupportedError
from mappedram.model import Stream
from mappedram.snapshot import Snapshot, open_snapshot
from mappedram.source import Source

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
        offset: where the stream, or a save image of libvirt, begins. Of a compressed image,
            offsets in findings count from the beginning of what was decompressed, but for those
            about the image (`MR5`).
        strict: raise where the verdict is anything but clean.

    Raises:
        CheckFailedError: `strict`, and the file is not clean; it holds all findings.
        OSError: the file cannot be opened or read.
    """
    try:
        with Source(path_or_fd) as source:
            report = Report.of(source.name, _findings(source, offset))
    except UnsupportedError as refusal:  # nothing to be seeked in
        name = f"<fd {path_or_fd}>" if isinstance(path_or_fd, int) else os.fspath(path_or_fd)
        report = Report.of(name, [_refusal(refusal)])
    if strict and report.verdict != "clean":
        raise CheckFailedError(report.findings)
    return report


def check_snapshot(snapshot: Snapshot) -> Report:
    """Judge a file that is open; it should have been opened with `partial=True`."""
    return Report.of(snapshot.source.name, _judged(Context(snapshot)))


def _findings(source: Source, offset: int) -> Iterator[Finding]:
    """What there is to say of a file, whatever it holds."""
    try:
        with unpacked(source, offset) as (stream, begin, container):
            yield from _of_stream(stream, begin, container)
    except FormatError as refusal:  # of the image: its header, or how it is compressed
        yield _refusal(refusal)


def _of_stream(source: Source, offset: int, container: Container | None) -> Iterator[Finding]:
    try:
        snapshot = open_snapshot(source.fd, offset, partial=True)
    except FormatError as refusal:
        yield from _refused(refusal, read_with("kaitai", source.fd, offset))
        yield from libvirt.judge(container) if container else ()
        return
    with snapshot:
        if container:
            container.snapshot = snapshot
        yield from _judged(Context(snapshot, container))


def _judged(context: Context) -> Iterator[Finding]:
    return (finding for rule in RULES.values() for finding in rule.check(context))


def _refused(refusal: FormatError, twin: Stream | FormatError) -> Iterator[Finding]:
    """What there is to say of a file that no stream begins in."""
    yield _refusal(refusal)
    difference = first_difference(refusal, twin)
    if difference:
        yield RULES["MR005"].finding(difference)


def _refusal(refusal: FormatError) -> Finding:
    """A refusal of the reader as a finding."""
    return RULES[refusal_code(refusal)].finding(refusal_defect(refusal))
