"""What is to be done to a file, all of it, before anything is done."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from mappedram.check.report import Report
from mappedram.pageio import Progress
from mappedram.repair.case import Case
from mappedram.repair.change import Change, Repair
from mappedram.repair.edits import EditedSource
from mappedram.repair.libvirt import save_header
from mappedram.repair.table import REPAIRS
from mappedram.source import Source

#: A repair that looks again after each change does so at most this often.
_ROUNDS = 256


@dataclass(frozen=True)
class Plan:
    """The changes that the file calls for, in the order in which they have to be made.

    Attributes:
        source: the file as it would be.
        offset: where the stream begins.
        changes: what changes; an entry with `count` 0 is something that cannot be known.
        report: what `mappedram check` says of the file as it would be.
        is_plain: whether the stream has no mapped-ram, so that nobody judges it.
        stamp: size and time of change of the file when it was looked at.
    """

    source: EditedSource
    offset: int
    changes: tuple[Change, ...]
    report: Report
    is_plain: bool
    stamp: tuple[int, int]

    @property
    def made(self) -> tuple[Change, ...]:
        """The changes that write something."""
        return tuple(change for change in self.changes if change.edits)


def plan(
    source: Source,
    offset: int | None = None,
    *,
    asked: Iterable[str] = (),
    progress: Progress | None = None,
) -> Plan:
    """Find out what can be repaired, and how the file would look then. Writes nothing.

    Args:
        source: the open file.
        offset: where the stream begins; None to look: behind the header of a libvirt save image,
            else at the beginning of the file.
        asked: names of repairs that are made only when they are asked for.
        progress: called with the number of bytes of pages that were looked at.

    Raises:
        UnsupportedError: no QEMU migration stream begins there.
        FormatError: its header ends with the file.
        OSError: reading failed.
    """
    asked = set(asked)
    stamp = stamp_of(source.fd)
    if offset is None:
        offset = _stream_offset(source)
    edited = EditedSource(source)
    case = Case(edited, offset, progress=progress)
    changes: list[Change] = []
    for repair in REPAIRS:
        if repair.asked and repair.name not in asked:
            continue
        for _ in range(_ROUNDS if repair.repeat else 1):
            found = _made(repair, case)
            changes += found
            if not any(change.edits for change in found):
                break
            case = Case(edited, offset, progress=progress)
    is_plain = case.stream.configuration is not None and not case.stream.mapped_ram
    return Plan(edited, offset, tuple(changes), case.report(), is_plain, stamp)


def stamp_of(fd: int) -> tuple[int, int]:
    """Size of a file, and the time of its last change in nanoseconds."""
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns


def _made(repair: Repair, case: Case) -> list[Change]:
    """The changes of a repair, made in the edited file."""
    changes = repair.changes(case)
    for change in changes:
        for edit in change.edits:
            case.source.make(edit)
    return changes


def _stream_offset(source: Source) -> int:
    header = save_header(source)
    return header.stream_offset if header else 0
