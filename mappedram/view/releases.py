"""Results of the releases of QEMU for a file, as lines."""

from collections.abc import Iterator

from mappedram.check import Report
from mappedram.check.releases import Group, by_outcome, remedy_of


def lines(report: Report) -> Iterator[str]:
    """Results of the releases for a file; releases with the same result share a line."""
    for group in by_outcome(report.qemu):
        yield f"QEMU {group.span}: {_described(group)}"


def _described(group: Group) -> str:
    verdict = group.verdict
    because = f" ({', '.join(verdict.because)})" if verdict.because else ""
    doubt = "" if verdict.certain else ", probably"
    multifd = f", with multifd {' or '.join(group.multifd)}" if group.multifd else ""
    basis = "" if verdict.basis == "measured" else f", {verdict.basis}"
    depends = ", depending on the destination" if verdict.depends_on_destination else ""
    words = f": {group.quotation}" if group.quotation else ""
    remedy = remedy_of(verdict)
    what_next = f" (remedy: {remedy.rstrip('.')})" if remedy else ""
    return f"{verdict.outcome}{because}{multifd}{basis}{doubt}{depends}{words}{what_next}"
