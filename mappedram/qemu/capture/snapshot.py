"""Take the snapshot: change QEMU's settings for it, and restore them in every case."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from secrets import token_hex
from typing import Any

from mappedram.io import system
from mappedram.io.staged import refuse_existing
from mappedram.qemu.capture.cancel import SLOWEST, cancel
from mappedram.qemu.capture.guest import RunningGuest, look
from mappedram.qemu.capture.monitor import ENDED, CaptureError, Migration, Monitor, connected
from mappedram.qemu.capture.preconditions import refusals

#: Callback that takes the bytes of RAM done so far and the total.
Progress = Callable[[int, int], None]

_POLL_INTERVAL = 0.05
#: Source: QEMU migration/file.c, file_parse_offset().
_OFFSET_MARK = ",offset="


@dataclass(frozen=True, slots=True)
class Wish:
    """How to take the snapshot.

    Attributes:
        channels: threads of QEMU that write pages; 0 for its main migration thread.
        direct_io: let QEMU bypass the page cache; needs channels.
        live: let the guest run while its memory is saved.
        keep_stopped: leave the guest stopped afterwards, for its disks to be copied.
        force: replace an existing file.
    """

    channels: int = 0
    direct_io: bool = False
    live: bool = False
    keep_stopped: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """A snapshot that was taken.

    Attributes:
        guest: the guest before the capture.
        milliseconds: how long saving took, by QEMU's clock.
        downtime: milliseconds for which the guest was stopped at the end; None if it was not
            running anyway.
        running: whether the guest runs again.
    """

    guest: RunningGuest
    milliseconds: int
    downtime: int | None
    running: bool


async def capture(
    address: str, out: Path, wish: Wish = Wish(), *, progress: Progress | None = None
) -> Captured:
    """Let the QEMU behind a QMP monitor save its guest to a file.

    QEMU writes the file itself, under another name beside `out`; the complete file is renamed to
    `out`. Afterwards, migration capabilities and parameters are as they were, and a guest that was
    running runs again. The same holds if anything fails or the task is cancelled; then there is no
    file.

    Args:
        address: path of the Unix socket of the monitor.
        out: the file.
        wish: how to take the snapshot.
        progress: called from time to time.

    Raises:
        CaptureError: QEMU cannot be reached, refuses or gives up, or the file would be bad.
        FileExistsError: the file exists, and must not be replaced.
        FileNotFoundError: its folder does not exist.
        OSError: the file cannot be renamed.
    """
    out = Path(os.path.abspath(out))
    refuse_existing(out, force=wish.force)
    if not system.exists(out.parent):
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(out.parent))
    if _OFFSET_MARK in str(out.parent):
        raise CaptureError(f"QEMU reads {_OFFSET_MARK!r} in a path as an offset")
    async with connected(address) as monitor:
        guest = await look(monitor)
        reasons = list(refusals(guest, direct_io=wish.direct_io))
        if reasons:
            raise CaptureError("; ".join(reasons))
        partial = out.with_name(f".mappedram-{token_hex(4)}")
        result = await _saved(monitor, guest, partial, out, wish, progress=progress)
        return Captured(
            guest,
            result.get("total-time", 0),
            result.get("downtime") if wish.live and guest.running else None,
            guest.running and not wish.keep_stopped,
        )


async def _saved(
    monitor: Monitor,
    guest: RunningGuest,
    partial: Path,
    out: Path,
    wish: Wish,
    *,
    progress: Progress | None,
) -> Migration:
    """Prepare QEMU, save the guest, and restore QEMU."""
    async with _undoing() as undo:
        if guest.running:
            undo.add("resume the guest", lambda: monitor.execute("cont"))
            if not wish.live:
                await monitor.execute("stop")
        await _set_capabilities(monitor, guest, wish, undo)
        await _set_parameters(monitor, guest, wish, undo)
        try:
            _reserve(monitor, partial)
            result = await _migrated(monitor, partial, progress, threads=_threads(guest, wish))
            _publish(partial, out, force=wish.force)
        finally:
            system.remove(partial)
        if guest.running and wish.keep_stopped:
            undo.forget_first()
    return result


def _threads(guest: RunningGuest, wish: Wish) -> bool:
    return bool(wish.channels or guest.capabilities.get("multifd"))


async def _set_capabilities(
    monitor: Monitor, guest: RunningGuest, wish: Wish, undo: "_Undo"
) -> None:
    wanted = {"mapped-ram": True} | ({"multifd": True} if wish.channels else {})
    changed = [name for name, state in wanted.items() if guest.capabilities[name] != state]

    def states(of: Callable[[str], bool]) -> list[dict[str, object]]:
        return [{"capability": name, "state": of(name)} for name in changed]

    if changed:
        undo.add(
            "restore the migration capabilities",
            lambda: monitor.execute(
                "migrate-set-capabilities", capabilities=states(guest.capabilities.__getitem__)
            ),
        )
        await monitor.execute("migrate-set-capabilities", capabilities=states(wanted.__getitem__))


async def _set_parameters(monitor: Monitor, guest: RunningGuest, wish: Wish, undo: "_Undo") -> None:
    # By default, QEMU limits itself to 128 MiB/s, for networks; 0 removes the limit.
    wanted: dict[str, object] = {"max-bandwidth": 0}
    if wish.channels:
        wanted |= {"multifd-channels": wish.channels, "direct-io": wish.direct_io}
    known = {name: value for name, value in wanted.items() if name in guest.parameters}
    touched = known | (SLOWEST if _threads(guest, wish) else {})
    before = {name: guest.parameters[name] for name in touched}
    undo.add(
        "restore the migration parameters",
        lambda: monitor.execute("migrate-set-parameters", **before),
    )
    await monitor.execute("migrate-set-parameters", **known)


async def _migrated(
    monitor: Monitor, path: Path, progress: Progress | None, *, threads: bool
) -> Migration:
    """Start the save and wait for its end; cancel it if this task is cancelled."""
    try:
        await monitor.execute("migrate", uri=f"file:{path}")
        while True:
            state = await monitor.migration()
            ram = state.get("ram", {})
            if progress and ram:
                progress(ram["total"] - ram["remaining"], ram["total"])
            if state.get("status") in ENDED:
                break
            await asyncio.sleep(_POLL_INTERVAL)
    except asyncio.CancelledError:
        await cancel(monitor, threads=threads)
        raise
    if state["status"] != "completed":
        reason = state.get("error-desc", "no reason given")
        raise CaptureError(f"the save failed: {reason} (status {state['status']!r})")
    return state


def _reserve(monitor: Monitor, path: Path) -> None:
    """Create the file that QEMU will open, so that nobody else can ever read it.

    For a QEMU of another user, only root can do this.
    """
    user = monitor.user
    if user is None or os.geteuid() not in (0, user.uid):
        return
    fd = system.create(path)
    try:
        if user.uid != os.geteuid():
            system.give(fd, *user)
    finally:
        system.close(fd)


def _publish(partial: Path, out: Path, *, force: bool) -> None:
    """Rename the file; if two programs want the same name, the first one gets it."""
    if not system.holds_data(partial):
        raise CaptureError(
            f"QEMU reports that it wrote {partial}, but there is no such file: does QEMU run in a"
            " container?"
        )
    system.set_mode(partial, 0o600)  # fails for a file of another user, who sets the mode
    system.publish(partial, out, replace=force)


class _Undo:
    """Steps that restore QEMU, run in reverse order."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], Awaitable[Any]]]] = []

    def add(self, what: str, step: Callable[[], Awaitable[Any]]) -> None:
        """Add a step; `what` describes it in an error message."""
        self._steps.append((what, step))

    def forget_first(self) -> None:
        """Drop the step that was added first."""
        del self._steps[0]

    async def run(self) -> list[str]:
        """Run all steps; return descriptions of those that failed."""
        failed = []
        for what, step in reversed(self._steps):
            try:
                await step()
            except CaptureError as error:
                failed.append(f"could not {what}: {error}")
        return failed


@asynccontextmanager
async def _undoing() -> AsyncIterator[_Undo]:
    """Collect steps inside the `with` block, and run them at its end, however it ends."""
    undo = _Undo()
    try:
        yield undo
    except CaptureError as error:
        error.cleanup += await undo.run()
        raise
    except BaseException as error:
        failed = await undo.run()
        if failed:
            raise CaptureError(f"interrupted, but: {'; '.join(failed)}") from error
        raise
    else:
        failed = await undo.run()
        if failed:
            raise CaptureError(f"the snapshot is complete, but: {'; '.join(failed)}")
