"""A file repaired, from opening it to judging what came out."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from mappedram.check import Report, check
from mappedram.errors import BuildError
from mappedram.io import system
from mappedram.io.opening import Openable, reading
from mappedram.io.progress import Progressing, silent
from mappedram.io.source import Source
from mappedram.io.staged import StagedFiles
from mappedram.repair.change import Change
from mappedram.repair.plan import RepairPlan, plan
from mappedram.repair.write import write_copy, write_in_place


@dataclass(frozen=True)
class Repaired:
    """What became of a file.

    Attributes:
        changes: what was changed, or would be; an entry with `count` 0 cannot be known.
        report: what `check` says of the file that was written; of the one that would be, if none
            was.
        path: the file that was written; None if none was, because nobody asked for one, or because
            nothing in it can be repaired.
    """

    changes: tuple[Change, ...]
    report: Report
    path: Path | None

    @property
    def made(self) -> tuple[Change, ...]:
        """The changes that write something."""
        return tuple(change for change in self.changes if change.edits)


def repair(
    file: Openable | Source,
    out: str | PathLike[str] | None = None,
    *,
    in_place: bool = False,
    offset: int = 0,
    asked: Iterable[str] = (),
    force: bool = False,
    progress: Progressing = silent,
) -> Repaired:
    """Write a repaired copy of a snapshot, or say what would be repaired.

    Changes only what the rest of the file proves, and no byte of a page.

    Args:
        file: what `mappedram.open` takes.
        out: the copy, which may be a block device. With neither this nor `in_place`, nothing is
            written.
        in_place: change the file itself, which has to be given by its path.
        offset: where the stream, or the save image of libvirt around it, begins.
        asked: names of repairs that are made only when they are asked for: `padding`.
        force: replace a file that exists, write into a device.
        progress: shows how far it is.

    Raises:
        BuildError: `out` and `in_place` were given, or the file cannot be changed in place.
        UnsupportedError: no QEMU migration stream begins there, or it is compressed.
        FormatError: its header ends with the file.
        OSError: reading or writing failed, or the file exists.
    """
    if in_place and (out is not None or not isinstance(file, str | PathLike)):
        raise BuildError("repair: in_place takes the path of a file, and no out")
    with reading(file) as source:
        with progress("look", source.allocated) as moved:
            todo = plan(source, offset, asked=asked, progress=moved)
        report, path = todo.report, None
        if _is_worth_it(todo):
            if out is not None:
                path = Path(out)
                report = _copy(todo, path, force=force, progress=progress)
            elif in_place and isinstance(file, str | PathLike):
                path = Path(file)
                report = _in_place(todo, fspath(file))
    return Repaired(todo.changes, report, path)


def _is_worth_it(todo: RepairPlan) -> bool:
    """Whether there is something to write: a repaired file, or a copy of a sound one."""
    return bool(todo.made) or todo.report.verdict in ("clean", "harmless")


def _copy(todo: RepairPlan, out: Path, *, force: bool, progress: Progressing) -> Report:
    with (
        progress("copy", todo.source.base.allocated) as moved,
        StagedFiles(*todo.source.descriptors, force=force) as files,
    ):
        fd = files.open(out, also={stat.S_IFBLK})
        write_copy(todo, fd, progress=moved)
        return _judged(todo, fd)


def _in_place(todo: RepairPlan, file: str) -> Report:
    if not todo.made:
        return todo.report
    fd = system.open_existing(file)
    try:
        write_in_place(todo, fd)
        return _judged(todo, fd)
    finally:
        system.close(fd)


def _judged(todo: RepairPlan, fd: int) -> Report:
    """What `check` says of the file that was written, not of the one that was planned."""
    return check(fd, todo.offset)
