"""Plan all changes to a file before any is made."""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report
from mappedram.io.copying import Progress
from mappedram.io.source import Source
from mappedram.repair.change import Change, Repair
from mappedram.repair.edits import EditedSource
from mappedram.repair.session import RepairSession
from mappedram.repair.table import REPAIRS

#: Most rounds of a repair that searches again after each change.
_ROUNDS = 256


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
    asked = set(asked)
    stamp = source.stamp()
    edited = EditedSource(source)
    case = RepairSession(edited, offset, progress=progress)
    changes: list[Change] = []
    for repair in REPAIRS:
        if repair.asked and repair.name not in asked:
            continue
        for _ in range(_ROUNDS if repair.repeat else 1):
            found = _made(repair, case)
            changes += found
            if not any(change.edits for change in found):
                break
            case = RepairSession(edited, offset, progress=progress)
    return RepairPlan(edited, offset, tuple(changes), case.report(), _size(case), stamp)


def _size(case: RepairSession) -> int:
    """Size of the repaired file."""
    stream = case.stream
    ended = stream.complete and not stream.stopped
    return stream.end if case.source.is_device and ended else case.source.size


def _made(repair: Repair, case: RepairSession) -> list[Change]:
    """Apply a repair to the edited file; yield its changes."""
    changes = repair.changes(case)
    for change in changes:
        for edit in change.edits:
            case.source.make(edit)
    return changes
