"""Check a file: open it, apply every rule and the model of QEMU's loader, and build the report."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from mappedram.check.context import Context, compared
from mappedram.check.differences import first_difference
from mappedram.check.facts import Facts
from mappedram.check.finding import Finding, Place
from mappedram.check.judgement import Question, everything, judged
from mappedram.check.loading import unnamed
from mappedram.check.places import place_at
from mappedram.check.registry import RULES, file_rules
from mappedram.check.releases import Findings, judge_loading, why_not_modelled
from mappedram.check.remedies import advised, facts_of, facts_without
from mappedram.check.report import Report
from mappedram.check.rules import libvirt
from mappedram.check.rules.envelope import refusal_code, refusal_defect
from mappedram.check.save_image import Container, unpacked
from mappedram.errors import CheckFailedError, FormatError, NotModelledError, UnsupportedError
from mappedram.format.drivers.compared import ComparedDriver
from mappedram.io.opening import Openable, name_of, reading
from mappedram.io.source import Source
from mappedram.qemu.loader import Destination, newest
from mappedram.qemu.loader import Verdict as LoaderVerdict
from mappedram.stream.snapshot import OpenSnapshot, open_snapshot

#: Advice about a pipe, or another file that cannot seek.
_TO_A_FILE = "copy it into a file first"


def check(
    file: Openable | Source,
    offset: int = 0,
    *,
    strict: bool = False,
    release: str | None = None,
    destination: Destination | None = None,
    takes: Callable[[str], bool] = everything,
) -> Report:
    """Check a file.

    Args:
        file: a path, bytes, or an open descriptor, seekable binary file object or source, which
            stays open.
        offset: offset of the stream, or of a libvirt save image. For a compressed image, findings
            with `decompressed` have offsets in the decompressed stream.
        strict: raise an error if the verdict is not clean.
        release: report on this release only, such as `10.0`; `11.1` is its newest known point
            release. None for all releases.
        destination: the destination that loads the file; None for one that matches the file.
        takes: whether to report findings with a code.

    Raises:
        CheckFailedError: `strict`, and the file is not clean; has all findings.
        UnknownNameError: unknown release.
        NotModelledError: the behaviour of the release or the destination is not modelled.
        OSError: the file cannot be opened or read.
    """
    question = Question(release and newest(release).name, destination, takes)
    try:
        with reading(file) as source:
            found = _found(source, offset)
            qemu = judge_loading(source, offset, destination, found)
            report = _answered(source, found, qemu, question)
    except FormatError as refusal:  # a file that cannot seek, or a damaged metadump
        name = file.name if isinstance(file, Source) else name_of(file)
        advice = _TO_A_FILE if isinstance(refusal, UnsupportedError) else None
        found = Findings([_refusal(refusal)], facts=Facts(name, offset, advice=advice))
        report = _report(name, found, {}, question)
    if strict and report.verdict != "clean":
        raise CheckFailedError(report.findings)
    return report


def check_snapshot(snapshot: OpenSnapshot) -> Report:
    """Check an open snapshot; open it with `partial=True`."""
    return report_on(Context(snapshot))


def report_on(context: Context) -> Report:
    """Check the snapshot of a `Context`."""
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
        release = f"QEMU {question.release}" if question.release else "QEMU"
        raise NotModelledError(
            f"the behaviour of {release} on this file is not modelled: {why_not_modelled(found)}"
        )
    told = replace(
        report,
        machine=found.stream.machine if found.stream else None,
        not_judged=tuple(filter(question.wants, found.not_judged)),
    )
    return advised(told, found.facts)


def _found(source: Source, offset: int) -> Findings:
    """The findings about a file, whatever its contents."""
    found = Findings([])
    try:
        with unpacked(source, offset) as inside:
            found = _in_stream(inside.source, inside.begin, inside.container)
            if inside.source.compression is not None:
                findings = list(map(_decompressed, found.findings))
                findings += map(_refusal, inside.damage)
                facts = replace(found.facts, name=source.name, offset=offset)
                if facts.known == "all" and (inside.damage or found.has("MR510")):
                    facts = replace(facts, known="part")  # `extract` asks for --partial
                found = replace(found, findings=findings, compressed=True, facts=facts)
    except FormatError as refusal:  # the header of the image, or its compression
        facts = facts_without(source, offset)
        found = Findings([*found.findings, _refusal(refusal)], facts=facts)
    return found


def _decompressed(finding: Finding) -> Finding:
    """A finding in a compressed image: only offsets in the image are offsets in the file."""
    return replace(finding, decompressed=not finding.code.startswith(libvirt.BAND))


def _in_stream(source: Source, offset: int, container: Container | None) -> Findings:
    driver = compared()
    try:
        snapshot = open_snapshot(source, offset, driver=driver, partial=True)
    except FormatError as refusal:
        about_image = libvirt.judge(container) if container else ()
        facts = facts_without(source, offset)
        if container:
            facts = replace(facts, offset=container.image.header.offset, in_image=True)
        return Findings([*_refused(refusal, driver), *about_image], facts=facts)
    with snapshot:
        snapshot.prefetch_bitmaps()
        if container:
            container.snapshot = snapshot
        return _judged(Context(snapshot, container))


def _judged(context: Context) -> Findings:
    findings = [finding for rule in file_rules() for finding in rule.check(context)]
    return Findings(
        findings,
        stream=context.stream,
        not_judged=context.not_judged,
        facts=facts_of(context, findings),
    )


def _refused(refusal: FormatError, driver: ComparedDriver) -> Iterator[Finding]:
    """The findings about a file without a stream at the given offset."""
    yield _refusal(refusal)
    difference = first_difference(driver, refusal)
    if difference:
        yield RULES["MR005"].finding(difference)


def _refusal(refusal: FormatError) -> Finding:
    """An error of the parser as a finding."""
    return RULES[refusal_code(refusal)].finding(refusal_defect(refusal))
