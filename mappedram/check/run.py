"""Judge a file: open it, ask every rule and the model of QEMU's loader, and make the report."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from mappedram.check.context import Context, compared
from mappedram.check.differences import first_difference
from mappedram.check.finding import Finding, Place
from mappedram.check.judgement import Question, everything, judged
from mappedram.check.loading import unnamed
from mappedram.check.places import place_at
from mappedram.check.registry import RULES, file_rules
from mappedram.check.releases import Findings, judge_loading, why_not_modelled
from mappedram.check.report import Report
from mappedram.check.rules import libvirt
from mappedram.check.rules.envelope import refusal_code, refusal_defect
from mappedram.check.save_image import Container, unpacked
from mappedram.errors import CheckFailedError, FormatError, NotModelledError
from mappedram.format.drivers.compared import ComparedDriver
from mappedram.io.opening import Openable, name_of, reading
from mappedram.io.source import Source
from mappedram.qemu.loader import Destination, newest
from mappedram.qemu.loader import Verdict as LoaderVerdict
from mappedram.stream.snapshot import OpenSnapshot, open_snapshot


def check(
    file: Openable | Source,
    offset: int = 0,
    *,
    strict: bool = False,
    release: str | None = None,
    destination: Destination | None = None,
    takes: Callable[[str], bool] = everything,
) -> Report:
    """Judge a file.

    Args:
        file: a path, bytes, or an open descriptor, seekable binary file object or source, which
            stays open.
        offset: where the stream, or a save image of libvirt, begins. Of a compressed image,
            findings say which offsets count from the beginning of what was decompressed.
        strict: raise where the verdict is anything but clean.
        release: the one release that the report is about, such as `10.0`; of `11.1`, the newest
            that is known. None for all of them.
        destination: what is to load the file; None for one that fits the file.
        takes: whether findings of the rule with a code are wanted.

    Raises:
        CheckFailedError: `strict`, and the file is not clean; it holds all findings.
        UnknownNameError: no such release is known.
        NotModelledError: nothing is known of what was asked about a release or a destination.
        OSError: the file cannot be opened or read.
    """
    question = Question(release and newest(release).name, destination, takes)
    try:
        with reading(file) as source:
            found = _found(source, offset)
            qemu = judge_loading(source, offset, destination, found)
            report = _answered(source, found, qemu, question)
    except FormatError as refusal:  # nothing to be seeked in, or a metadump that is damaged
        name = file.name if isinstance(file, Source) else name_of(file)
        report = _report(name, Findings([_refusal(refusal)]), {}, question)
    if strict and report.verdict != "clean":
        raise CheckFailedError(report.findings)
    return report


def check_snapshot(snapshot: OpenSnapshot) -> Report:
    """Judge a file that is open; it should have been opened with `partial=True`."""
    return report_on(Context(snapshot))


def report_on(context: Context) -> Report:
    """Judge what a `Context` holds."""
    found = _judged(context)
    qemu = judge_loading(context.source, context.stream.offset, None, found)
    return _answered(context.source, found, qemu, Question())


def _answered(
    source: Source, found: Findings, qemu: Mapping[str, LoaderVerdict], question: Question
) -> Report:
    """The report on a file that is open."""
    places = partial(place_at, stream=found.stream, source=source)
    return _report(source.name, found, qemu, question, places)


def _report(
    name: str,
    found: Findings,
    qemu: Mapping[str, LoaderVerdict],
    question: Question,
    places: Callable[[int], Place] = unnamed,
) -> Report:
    report = judged(name, found.findings, qemu, question, places)
    if report is None:
        release = f"QEMU {question.release} does" if question.release else "releases of QEMU do"
        raise NotModelledError(
            f"what {release} with such a file is not modelled: {why_not_modelled(found)}"
        )
    return report


def _found(source: Source, offset: int) -> Findings:
    """What there is to say of a file, whatever it holds."""
    found = Findings([])
    try:
        with unpacked(source, offset) as (stream, begin, container):
            found = _in_stream(stream, begin, container)
            if container is not None and container.image.compressed:
                findings = list(map(_decompressed, found.findings))
                found = replace(found, findings=findings, compressed=True)
    except FormatError as refusal:  # of the image: its header, or how it is compressed
        found.findings.append(_refusal(refusal))
    return found


def _decompressed(finding: Finding) -> Finding:
    """A finding of a compressed image: only what is about the image has a place in the file."""
    return replace(finding, decompressed=not finding.code.startswith(libvirt.BAND))


def _in_stream(source: Source, offset: int, container: Container | None) -> Findings:
    driver = compared()
    try:
        snapshot = open_snapshot(source, offset, driver=driver, partial=True)
    except FormatError as refusal:
        about_image = libvirt.judge(container) if container else ()
        return Findings([*_refused(refusal, driver), *about_image])
    with snapshot:
        if container:
            container.snapshot = snapshot
        return _judged(Context(snapshot, container))


def _judged(context: Context) -> Findings:
    findings = [finding for rule in file_rules() for finding in rule.check(context)]
    return Findings(findings, stream=context.stream)


def _refused(refusal: FormatError, driver: ComparedDriver) -> Iterator[Finding]:
    """What there is to say of a file that no stream begins in."""
    yield _refusal(refusal)
    difference = first_difference(driver, refusal)
    if difference:
        yield RULES["MR005"].finding(difference)


def _refusal(refusal: FormatError) -> Finding:
    """A refusal of the reader as a finding."""
    return RULES[refusal_code(refusal)].finding(refusal_defect(refusal))
