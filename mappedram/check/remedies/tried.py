"""Which findings a repair would remove: repairs are tried on the file without writing it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from mappedram.check.facts import Facts
from mappedram.check.finding import Finding
from mappedram.check.registry import RULES
from mappedram.check.repairs import search
from mappedram.check.repairs.table import PADDING, REBUILT
from mappedram.errors import FormatError
from mappedram.io.source import Source

#: The rule whose repair reads every page: whether it is possible shows without reading them.
_UNWRITTEN = "MR304"
#: The rule that only a repair on request answers.
_NOT_ZERO = "MR403"
#: Rounds of a repair that is tried: one defect after the other can hide the next in a hostile file,
#: and each round parses it again.
_ROUNDS = 4


def with_repairs(
    facts: Facts,
    source: Source,
    findings: Sequence[Finding],
    repairable: Collection[str],
    read_max: int,
) -> Facts:
    """The facts with the findings that a repair removes.

    Args:
        facts: the other facts about the file.
        source: the file.
        findings: all findings.
        repairable: codes that have a remedy which is a repair.
        read_max: most structures to read.
    """
    codes = {finding.code for finding in findings}
    asked = (PADDING,) if _NOT_ZERO in codes else ()
    try:
        found = search(
            source,
            facts.offset,
            asked=asked,
            left_out=(REBUILT,),
            rounds=_ROUNDS,
            read_max=read_max,
        )
    except FormatError:
        return facts
    session, made = found.session, {change.name for change in found.changes if change.edits}
    rebuilt = {_UNWRITTEN} if session.has_all_blocks and _UNWRITTEN in codes else set()
    if not made | rebuilt:
        return facts
    wanted = set(repairable) - rebuilt
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
