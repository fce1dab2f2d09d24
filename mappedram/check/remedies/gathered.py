"""Establish the facts about a file on the file itself."""

from collections.abc import Sequence
from dataclasses import replace

from mappedram.check.context import Context
from mappedram.check.facts import Facts, Known
from mappedram.check.finding import Finding
from mappedram.check.remedies.table import REMEDIES
from mappedram.format.foreign.signatures import MAGIC_MAX, foreign
from mappedram.io.source import Source
from mappedram.stream.elsewhere import stream_elsewhere

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
    repairable = set(filter(_repairs, codes))
    if few and not source.compression and repairable:
        from mappedram.check.remedies.tried import with_repairs  # a file is seldom damaged

        facts = with_repairs(facts, source, findings, repairable, _READ_MAX)
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
