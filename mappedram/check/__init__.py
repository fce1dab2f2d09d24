"""The judgement of a file: what is wrong with it, where exactly, and what QEMU makes of it.

>>> from mappedram.check import check
>>> report = check("guest.mapped-ram")
>>> report.verdict, [finding.code for finding in report.findings]
"""

import os
from collections.abc import Iterator
from dataclasses import replace

# Importing a module of rules registers them.
from mappedram.check import (  # noqa: F401
    bitmaps,
    blocks,
    capabilities,
    commands,
    configuration,
    description,
    ending,
    envelope,
    extents,
    header,
    identity,
    libvirt,
    offsets,
    order,
    sections,
)
from mappedram.check.container import Container, unpacked
from mappedram.check.context import Context, Openable, compared
from mappedram.check.differences import first_difference
from mappedram.check.envelope import refusal_code, refusal_defect
from mappedram.check.finding import Finding, Severity
from mappedram.check.loading import judge_loading
from mappedram.check.registry import RETIRED, RULES, Rule, find
from mappedram.check.report import Report, Verdict
from mappedram.drivers.compared import ComparedDriver
from mappedram.errors import CheckFailedError, FormatError
from mappedram.loader import Destination
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


def check(
    path_or_fd: Openable,
    offset: int = 0,
    *,
    strict: bool = False,
    destination: Destination | None = None,
) -> Report:
    """Judge a file.

    Args:
        path_or_fd: the file, or an open descriptor, which stays open.
        offset: where the stream, or a save image of libvirt, begins. Of a compressed image,
            findings say which offsets count from the beginning of what was decompressed.
        strict: raise where the verdict is anything but clean.
        destination: what is to load the file, for `Report.qemu`; None for one that matches.

    Raises:
        CheckFailedError: `strict`, and the file is not clean; it holds all findings.
        OSError: the file cannot be opened or read.
    """
    try:
        with Source(path_or_fd) as source:
            findings = list(_findings(source, offset))
            qemu = judge_loading(source, offset, destination, findings)
            report = Report.of(source.name, findings, qemu)
    except FormatError as refusal:  # nothing to be seeked in, or a metadump that is damaged
        name = f"<fd {path_or_fd}>" if isinstance(path_or_fd, int) else os.fspath(path_or_fd)
        report = Report.of(name, [_refusal(refusal)])
    if strict and report.verdict != "clean":
        raise CheckFailedError(report.findings)
    return report


def check_snapshot(snapshot: Snapshot) -> Report:
    """Judge a file that is open; it should have been opened with `partial=True`."""
    findings = list(_judged(Context(snapshot)))
    qemu = judge_loading(snapshot.source, snapshot.stream.offset, None, findings)
    return Report.of(snapshot.source.name, findings, qemu)


def _findings(source: Source, offset: int) -> Iterator[Finding]:
    """What there is to say of a file, whatever it holds."""
    try:
        with unpacked(source, offset) as (stream, begin, container):
            decompressed = container is not None and container.image.compressed
            for finding in _of_stream(stream, begin, container):
                inside = decompressed and not finding.code.startswith(libvirt.BAND)
                yield replace(finding, decompressed=inside)
    except FormatError as refusal:  # of the image: its header, or how it is compressed
        yield _refusal(refusal)


def _of_stream(source: Source, offset: int, container: Container | None) -> Iterator[Finding]:
    driver = compared()
    try:
        snapshot = open_snapshot(source.fd, offset, driver=driver, partial=True)
    except FormatError as refusal:
        yield from _refused(refusal, driver)
        yield from libvirt.judge(container) if container else ()
        return
    with snapshot:
        if container:
            container.snapshot = snapshot
        yield from _judged(Context(snapshot, container))


def _judged(context: Context) -> Iterator[Finding]:
    return (finding for rule in RULES.values() for finding in rule.check(context))


def _refused(refusal: FormatError, driver: ComparedDriver) -> Iterator[Finding]:
    """What there is to say of a file that no stream begins in."""
    yield _refusal(refusal)
    difference = first_difference(driver, refusal)
    if difference:
        yield RULES["MR005"].finding(difference)


def _refusal(refusal: FormatError) -> Finding:
    """A refusal of the reader as a finding."""
    return RULES[refusal_code(refusal)].finding(refusal_defect(refusal))
