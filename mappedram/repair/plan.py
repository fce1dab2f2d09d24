"""What is to be done to a file, all of it, before anything is done."""

from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report
from mappedram.io.copying import Progress
from mappedram.io.source import Source
from mappedram.repair.change import Change, Repair
from mappedram.repair.edits import EditedSource
from mappedram.repair.session import RepairSession
from mappedram.repair.table import REPAIRS

#: A repair that looks again after each change does so at most this often.
_ROUNDS = 256


@dataclass(frozen=True)
class RepairPlan:
    """The changes that the file calls for, in the order in which they have to be made.

    Attributes:
        source: the file as it would be.
        offset: where the stream, or the save image of libvirt around it, begins.
        changes: what changes; an entry with `count` 0 is something that cannot be known.
        report: what `mappedram check` says of the file as it would be.
        size: bytes of the repaired file; of a device, those up to the end of the snapshot.
        stamp: size and time of change of the file when it was looked at.
    """

    source: EditedSource
    offset: int
    changes: tuple[Change, ...]
    report: Report
    size: int
    stamp: tuple[int, int]

    @property
    def made(self) -> tuple[Change, ...]:
        """The changes that write something."""
        return tuple(change for change in self.changes if change.edits)


def plan(
    source: Source,
    offset: int = 0,
    *,
    asked: Iterable[str] = (),
    progress: Progress | None = None,
) -> RepairPlan:
    """Find out what can be repaired, and how the file would look then. Writes nothing.

    Args:
        source: the open file.
        offset: where the stream, or the save image of libvirt around it, begins.
        asked: names of repairs that are made only when they are asked for.
        progress: called with the number of bytes of pages that were looked at.

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
    """Where the repaired file ends."""
    stream = case.stream
    ended = stream.complete and not stream.stopped
    return stream.end if case.source.is_device and ended else case.source.size


def _made(repair: Repair, case: RepairSession) -> list[Change]:
    """The changes of a repair, made in the edited file."""
    changes = repair.changes(case)
    for change in changes:
        for edit in change.edits:
            case.source.make(edit)
    return changes
