"""Plan all changes to a file before any is made."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mappedram.check.repairs import search
from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import EditedSource
from mappedram.check.repairs.session import RepairSession
from mappedram.check.report import Report
from mappedram.check.run import report_on
from mappedram.io.copying import Progress
from mappedram.io.source import Source
from mappedram.stream import intervals

if TYPE_CHECKING:
    from mappedram.io.spans import Runs


@dataclass(frozen=True)
class RepairPlan:
    """The changes that the file needs, in the order in which they are made.

    Attributes:
        source: the file as it would be.
        offset: where the stream, or the save image of libvirt around it, begins.
        changes: the changes; one with `count` 0 names something that cannot be known.
        report: the report of `mappedram check` on the file as it would be.
        size: bytes of the repaired file; for a device, up to the end of the snapshot.
        stamp: size and modification time of the file when it was read.
        stale: what a copy leaves out: in a disk image, pages that are not set, and padding, may
            have bytes of an earlier snapshot.
    """

    source: EditedSource
    offset: int
    changes: tuple[Change, ...]
    report: Report
    size: int
    stamp: tuple[int, int]
    stale: "Runs"

    @property
    def made(self) -> tuple[Change, ...]:
        """Changes that write something."""
        return tuple(change for change in self.changes if change.edits)


def plan(
    source: Source,
    offset: int = 0,
    *,
    asked: Iterable[str] = (),
    progress: Progress | None = None,
) -> RepairPlan:
    """Find possible repairs, and how the file would read with them. Writes nothing.

    Args:
        source: the open file.
        offset: where the stream, or the save image of libvirt around it, begins.
        asked: names of repairs that are made only on request, and are requested.
        progress: called with the number of bytes of pages read.

    Raises:
        UnsupportedError: no QEMU migration stream begins there, or it is compressed.
        FormatError: its header ends with the file.
        OSError: reading failed.
    """
    source.tell_cost("a repair looks at all pages: the whole file is fetched")
    stamp = source.stamp()
    found = search(source, offset, asked=set(asked), progress=progress)
    session = found.session
    report = report_on(session.context)
    if any(change.edits for change in found.changes):
        report = _without_remedies(report)
    size, stale = _size(session), _stale(session)
    return RepairPlan(session.source, offset, found.changes, report, size, stamp, stale)


def _without_remedies(report: Report) -> Report:
    """The report on a file that does not exist yet, so that no command works on it."""
    return replace(report, findings=tuple(replace(one, remedy="") for one in report.findings))


def _stale(session: RepairSession) -> "Runs":
    """Pages that are not set, and padding, where they may have bytes of an earlier snapshot."""
    if not session.source.recycled:
        return intervals.union()
    padding = (one for one in session.snapshot.regions() if one.kind == "padding")
    clear = [intervals.from_pairs((one.offset, one.end) for one in padding)]
    for block in session.context.judged:
        start = block.model.pages_offset
        assert start is not None
        held = block.bitmap.runs() * block.page_size
        clear.append(intervals.complement(held, 0, block.used_length) + start)
    return intervals.union(*clear)


def _size(session: RepairSession) -> int:
    """Size of the repaired file."""
    stream = session.stream
    ended = stream.complete and not stream.stopped
    return stream.end if session.source.is_device and ended else session.source.size
