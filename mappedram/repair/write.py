"""Make the changes of a plan, in a copy or in the file itself."""

from mappedram.check.repairs.change import Change
from mappedram.errors import BuildError
from mappedram.io import system
from mappedram.io.copying import Progress, WriteTarget, copy_data, share
from mappedram.repair.plan import RepairPlan
from mappedram.stream import intervals


def write_copy(plan: RepairPlan, fd: int, *, progress: Progress | None = None) -> None:
    """Write the repaired file into the empty file open as `fd`; holes stay holes.

    Pages are shared with the original if the file system can do so, otherwise copied.

    Raises:
        BuildError: the original has changed meanwhile.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    source, size = plan.source.base, plan.size
    kept = min(source.size, size) if source.is_device else source.size
    room = max(kept, size)
    _refuse_changed(plan)
    system.begin(fd, 0, room, *source.descriptors)
    if not len(plan.stale) and kept and share(source, 0, kept, fd):
        if progress:
            progress(source.allocated)
    else:
        left_out = intervals.within(plan.stale, 0, kept)
        for start, end in intervals.complement(left_out, 0, kept).tolist():
            copy_data(source, start, end, WriteTarget(fd), progress=progress)
    _refuse_changed(plan)
    system.end_at(fd, kept)
    for edit in plan.source.edits:
        if edit.data:
            system.write(fd, edit.data, edit.offset)
        if edit.is_end:
            system.end_at(fd, edit.end, room)
    system.end_at(fd, size)


def write_in_place(plan: RepairPlan, fd: int) -> None:
    """Make the changes in the file itself, in order; sync each to the disk before the next.

    An interruption leaves the file with the first few of the changes, or with a part of one: a
    header field that is right or wrong, or some bits of a bitmap that is not final, because END of
    RAM is written after all bitmaps, and the file is truncated last. No page is written, nothing is
    moved, and a second repair continues where the first one ended.

    Raises:
        BuildError: a change moves bytes of the stream, which cannot be made safe, or truncates a
            device; or the file has changed meanwhile.
        OSError: writing failed.
    """
    moving = next((change.name for change in plan.made if change.moves), None)
    if moving:
        raise BuildError(
            f"{moving}: moves the rest of the stream, and an interruption would destroy it; write"
            " to another file instead"
        )
    cutting = next((change.name for change in plan.made if _cuts(change)), None)
    if cutting and plan.source.base.is_device:
        raise BuildError(
            f"{cutting}: changes the end of the file, but a block device has a fixed size; write to"
            " another file instead"
        )
    _refuse_changed(plan)
    for change in plan.made:
        for edit in change.edits:
            if edit.data:
                system.write(fd, edit.data, edit.offset)
            if edit.is_end:
                system.end_at(fd, edit.end)
        system.flush(fd)


def _cuts(change: Change) -> bool:
    return any(edit.is_end for edit in change.edits)


def _refuse_changed(plan: RepairPlan) -> None:
    """Refuse a changed file: while QEMU saves, libvirt's image looks incomplete."""
    if plan.source.base.stamp() != plan.stamp:
        raise BuildError("the file changed during the analysis: another program writes to it")
