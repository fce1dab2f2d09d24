"""Plan all changes to a file before any is made."""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.repairs import search
from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import EditedSource
from mappedram.check.repairs.session import RepairSession
from mappedram.check.report import Report
from mappedram.check.run import report_on
from mappedram.io.copying import Progress
from mappedram.io.source import Source


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
    """

    source: EditedSource
    offset: int
    changes: tuple[Change, ...]
    report: Report
    size: int
    stamp: tuple[int, int]

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
    stamp = source.stamp()
    found = search(source, offset, asked=set(asked), progress=progress)
    session = found.session
    report = report_on(session.context)
    return RepairPlan(session.source, offset, found.changes, report, _size(session), stamp)


def _size(session: RepairSession) -> int:
    """Size of the repaired file."""
    stream = session.stream
    ended = stream.complete and not stream.stopped
    return stream.end if session.source.is_device and ended else session.source.size
