"""Making the changes of a plan: in a copy, or in the file itself."""

import os

from mappedram.errors import BuildError
from mappedram.pageio import Progress, Target, copy_runs, share, write_fully
from mappedram.repair.edits import Edit
from mappedram.repair.plan import Plan, stamp_of


def write_copy(plan: Plan, fd: int, *, progress: Progress | None = None) -> None:
    """Write the repaired file into the empty file open as `fd`; holes stay holes.

    Pages are shared with the original where the file system can do so, else copied.

    Raises:
        BuildError: the original has changed meanwhile.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    import numpy as np

    source = plan.source.base
    if source.size and share(source, 0, source.size, fd):
        if progress:
            progress(source.allocated)
    else:
        runs = np.array(list(source.extents(0, source.size)), np.int64).reshape(-1, 2)
        copy_runs(source, runs, Target(fd), progress=progress)
    _refuse_changed(plan)
    os.ftruncate(fd, source.size)
    for edit in plan.source.edits:
        _write(edit, fd)
    os.ftruncate(fd, plan.source.size)


def write_in_place(plan: Plan, fd: int) -> None:
    """Make the changes in the file itself, one after the other, each on the disk before the next.

    Whatever ends this midway leaves the file with the first few of the changes, or with a part of
    one: a header field that is right or wrong, some bits of a bitmap that is not final, because
    END of RAM is written after all bitmaps and bytes are cut off after that. No page is written,
    nothing is moved, and repairing it once more goes on where this ended.

    Raises:
        BuildError: a change gives bytes of the stream another place, which cannot be made safe; or
            the file has changed meanwhile.
        OSError: writing failed.
    """
    moving = next((change.name for change in plan.made if change.moves), None)
    if moving:
        raise BuildError(
            f"{moving}: moves the rest of the stream, which an interruption would leave in pieces;"
            " write to another file instead"
        )
    _refuse_changed(plan)
    for change in plan.made:
        for edit in change.edits:
            _write(edit, fd)
        os.fsync(fd)


def _refuse_changed(plan: Plan) -> None:
    """QEMU may still be saving: libvirt's image looks broken off as long as it does."""
    if stamp_of(plan.source.base.fd) != plan.stamp:
        raise BuildError("the file has changed while it was looked at: somebody writes to it")


def _write(edit: Edit, fd: int) -> None:
    if edit.data:
        write_fully(fd, edit.data, edit.offset)
    if edit.is_end:
        os.ftruncate(fd, edit.end)
