"""Search for all repairs of a file, each on the file as it would be with those before it."""

from collections.abc import Collection
from dataclasses import dataclass

from mappedram.check.repairs.change import Change, Repair
from mappedram.check.repairs.edits import EditedSource
from mappedram.check.repairs.session import RepairSession
from mappedram.check.repairs.table import REPAIRS
from mappedram.io.copying import Progress
from mappedram.io.source import Source

#: Most rounds of a repair that searches again after each change.
_ROUNDS = 256


@dataclass(frozen=True)
class Found:
    """The repairs of a file.

    Attributes:
        session: the file as it would be.
        changes: the changes, in the order in which they are made; one with `count` 0 names
            something that cannot be known.
    """

    session: RepairSession
    changes: tuple[Change, ...]


def search(
    source: Source,
    offset: int = 0,
    *,
    asked: Collection[str] = (),
    left_out: Collection[str] = (),
    rounds: int = _ROUNDS,
    read_max: int | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find possible repairs. Writes nothing.

    Args:
        source: the open file.
        offset: where the stream, or the save image of libvirt around it, begins.
        asked: names of repairs that are made only on request, and are requested.
        left_out: names of repairs that are not searched for.
        rounds: how often a repair searches again after a change that reveals the next defect.
        read_max: how many structures to read, over all times that the file is read again; the
            search ends there, with the repairs found so far. None for no limit.
        progress: called with the number of bytes of pages read.

    Raises:
        UnsupportedError: no QEMU migration stream begins there, or it is compressed.
        FormatError: its header ends with the file.
        OSError: reading failed.
    """
    edited = EditedSource(source)
    session = RepairSession(edited, offset, progress=progress)
    changes: list[Change] = []
    read = len(session.stream.elements)
    for repair in REPAIRS:
        if (repair.asked and repair.name not in asked) or repair.name in left_out:
            continue
        for _ in range(rounds if repair.repeat else 1):
            found = _made(repair, session)
            changes += found
            if not any(change.edits for change in found):
                break
            session = RepairSession(edited, offset, progress=progress)
            read += len(session.stream.elements)
            if read_max is not None and read > read_max:
                return Found(session, tuple(changes))
    return Found(session, tuple(changes))


def _made(repair: Repair, session: RepairSession) -> list[Change]:
    """Apply a repair to the edited file; return its changes."""
    changes = repair.changes(session)
    for change in changes:
        for edit in change.edits:
            session.source.make(edit)
    return changes
