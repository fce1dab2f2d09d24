"""Establish the facts about a file on the file itself."""

from collections.abc import Sequence
from dataclasses import replace

from mappedram.check.context import Context
from mappedram.check.facts import Facts, Known
from mappedram.check.finding import Finding
from mappedram.check.registry import RULES
from mappedram.check.remedies.table import REMEDIES
from mappedram.check.repairs import search
from mappedram.check.repairs.table import PADDING, REBUILT
from mappedram.errors import FormatError
from mappedram.format.foreign.signatures import MAGIC_MAX, foreign
from mappedram.io.source import Source
from mappedram.stream.elsewhere import stream_elsewhere

#: The rule whose repair reads every page: whether it is possible shows without reading them.
_UNWRITTEN = "MR304"
#: The rule that only a repair on request answers.
_NOT_ZERO = "MR403"
#: Rounds of a repair that is tried: one defect after the other can hide the next in a hostile file,
#: and each round parses it again.
_ROUNDS = 4
#: Most structures to read while repairs are tried: each repair means reading all again. QEMU's
#: files have some thousands; beyond the limit, a remedy is one that always holds.
_READ_MAX = 1 << 16
#: Placeholders that have a value only with a repair.
_OF_REPAIRS = ("{repair}", "{rescue}", "{padding}")


def facts_of(context: Context, findings: Sequence[Finding]) -> Facts:
    """The facts about an open snapshot; repairs are tried only if a finding may need one."""
    codes = {finding.code for finding in findings}
    source, offset = context.source, context.stream.offset
    image = context.container and context.container.image
    if image:
        offset = image.header.offset
    facts = Facts(
        source.name,
        offset,
        source.chosen,
        in_image=image is not None,
        known=_known(context),
        complete=context.stream.complete,
    )
    few = len(context.stream.elements) <= _READ_MAX
    if few and not source.compression and any(map(_repairs, codes)):
        facts = _with_repairs(facts, source, findings)
    stopped = context.stream.stopped
    if stopped is not None and not context.stream.blocks:
        facts = replace(facts, elsewhere=stream_elsewhere(source, context.stream.offset))
    return facts


def facts_without(source: Source, offset: int) -> Facts:
    """The facts about a file without a stream at that offset."""
    other = foreign(source.peek(offset, MAGIC_MAX))
    return Facts(
        source.name,
        offset,
        source.chosen,
        elsewhere=None if other else stream_elsewhere(source, offset),
        advice=other.advice if other else None,
    )


def _repairs(code: str) -> bool:
    """Whether a remedy for this code may be a repair."""
    return any(one in text for text in REMEDIES[code] for one in _OF_REPAIRS)


def _known(context: Context) -> Known:
    """How much of guest memory the file has."""
    coverages = context.snapshot.coverages()
    unknown = sum(coverage.unknown_size for coverage in coverages)
    if unknown == sum(coverage.used_length for coverage in coverages):
        return "none"
    return "part" if unknown else "all"


def _with_repairs(facts: Facts, source: Source, findings: Sequence[Finding]) -> Facts:
    """The facts with the findings that a repair removes."""
    codes = {finding.code for finding in findings}
    asked = (PADDING,) if _NOT_ZERO in codes else ()
    try:
        found = search(
            source,
            facts.offset,
            asked=asked,
            left_out=(REBUILT,),
            rounds=_ROUNDS,
            read_max=_READ_MAX,
        )
    except FormatError:
        return facts
    session, made = found.session, {change.name for change in found.changes if change.edits}
    rebuilt = {_UNWRITTEN} if session.has_all_blocks and _UNWRITTEN in codes else set()
    if not made | rebuilt:
        return facts
    wanted = {code for code in codes if _repairs(code)} - rebuilt
    left = {
        (finding.code, finding.path)
        for code in wanted
        for finding in RULES[code].check(session.context)
    }
    cured = frozenset(
        (finding.code, finding.path)
        for finding in findings
        if finding.code in wanted | rebuilt and (finding.code, finding.path) not in left
    )
    return replace(facts, cured=cured, repairable=bool(made - {PADDING} | rebuilt))
