"""Repair a file and judge the result."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from mappedram.check import Report, check
from mappedram.check.repairs.change import Change
from mappedram.errors import BuildError
from mappedram.io import system
from mappedram.io.opening import DiskImage, Openable, open_source, reading
from mappedram.io.progress import Progressing, silent
from mappedram.io.remote.address import is_url
from mappedram.io.source import Source
from mappedram.io.staged import StagedFiles
from mappedram.repair.plan import RepairPlan, plan
from mappedram.repair.write import write_copy, write_in_place


@dataclass(frozen=True)
class Repaired:
    """Result of `repair`.

    Attributes:
        changes: the changes, made or planned; one with `count` 0 names something unknown.
        report: report on the repaired file; without an output, on the planned one.
        path: the repaired file; None if nothing was written: no output was requested, or nothing
            can be repaired.
    """

    changes: tuple[Change, ...]
    report: Report
    path: Path | None

    @property
    def made(self) -> tuple[Change, ...]:
        """The changes that write bytes."""
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
    """Write a repaired copy of a snapshot, or plan the repairs.

    A repair changes only values that the rest of the file proves, and never pages.

    Args:
        file: as for `mappedram.open`.
        out: the copy, or a block device. Without this and `in_place`, nothing is written.
        in_place: change the file itself, which must be a path.
        offset: start of the stream or of the libvirt save image.
        asked: names of repairs that are optional: `padding`.
        force: replace an existing file, write to a device.
        progress: reports progress.

    Raises:
        BuildError: `in_place` is combined with `out` or used without a path, or the file cannot be
            changed in place.
        UnsupportedError: there is no QEMU migration stream, or it is compressed.
        FormatError: the file ends within its header.
        OSError: reading or writing failed, or the file exists.
    """
    if in_place and (out is not None or not isinstance(file, str | PathLike | DiskImage)):
        raise BuildError("repair: in_place takes the path of a file, and no out")
    if in_place and is_url(file):
        raise BuildError("repair: what a URL names cannot be changed in place")
    with reading(file) as source:
        if in_place and source.recycled:
            raise BuildError("a disk image is never changed: write a repaired copy of its snapshot")
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
    """Whether to write a file: a repaired one, or a copy of a sound one."""
    return bool(todo.made) or todo.report.verdict in ("clean", "harmless")


def _copy(todo: RepairPlan, out: Path, *, force: bool, progress: Progressing) -> Report:
    with (
        progress("copy", todo.source.base.allocated) as moved,
        StagedFiles(*todo.source.descriptors, force=force) as files,
    ):
        fd = files.open(out, also={stat.S_IFBLK})
        write_copy(todo, fd, progress=moved)
        return _judged(todo, fd, out)


def _in_place(todo: RepairPlan, file: str) -> Report:
    if not todo.made:
        return todo.report
    fd = system.open_existing(file)
    try:
        write_in_place(todo, fd)
        return _judged(todo, fd, Path(file))
    finally:
        system.close(fd)


def _judged(todo: RepairPlan, fd: int, path: Path) -> Report:
    """Report on the file that was written, not on the planned one."""
    with open_source(fd) as source:
        source.name = str(path)  # remedies have it in their commands
        return check(source, todo.offset)
