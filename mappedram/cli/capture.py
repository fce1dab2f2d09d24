"""`mappedram capture`: take a snapshot of a running guest through QMP."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from mappedram.check import Report, Severity, check
from mappedram.cli import output
from mappedram.cli.options import OutPath, epilog, output_option
from mappedram.cli.status import TerminatedError, about
from mappedram.cli.writing import force_option, progress
from mappedram.io.copying import Progress as Moved
from mappedram.printable import printable
from mappedram.qemu.capture import Captured, CaptureError, Wish, capture
from mappedram.view.text import size

T = TypeVar("T")


@click.command(
    "capture",
    short_help="Take a snapshot of a running guest through QMP.",
    epilog=epilog(
        "Examples:\n"
        "  qemu-system-x86_64 ... -qmp unix:/run/guest.qmp,server=on,wait=off\n"
        "  mappedram capture --qmp /run/guest.qmp guest.mapped-ram\n"
        "  mappedram capture --qmp /run/guest.qmp --channels 4 --direct-io guest.mapped-ram",
        "Exit status:\n"
        "  0   the snapshot was taken and is clean\n"
        "  1   no snapshot: QEMU cannot be reached, refuses or fails, or the file would\n"
        "      be bad; the guest is in its previous state\n"
        "  2   the snapshot was taken and is corrupt\n"
        "  3   the snapshot was taken; only harmless findings\n"
        "  64  usage error\n"
        "  130 interrupted; no file, and the guest is in its previous state",
    ),
)
@click.option(
    "--qmp",
    "address",
    type=click.Path(),
    required=True,
    metavar="SOCKET",
    help="Unix socket of the QMP monitor. The monitor serves one client at a time.",
)
@click.argument("out", type=OutPath(), metavar="OUT")
@click.option(
    "--channels",
    type=click.IntRange(0, 255),
    default=0,
    metavar="N",
    help="Let QEMU write pages with N threads (multifd).  [default: none]",
)
@click.option(
    "--direct-io", is_flag=True, help="Let QEMU bypass the page cache; requires --channels."
)
@click.option(
    "--live",
    is_flag=True,
    help="Let the guest run during the save and stop it only at the end: a shorter pause, but a"
    " larger file with stale pages.",
)
@click.option(
    "--keep-stopped",
    is_flag=True,
    help="Leave the guest stopped afterwards, so that its disks can be copied in the same state.",
)
@force_option
@output_option
def command(
    address: str,
    out: Path,
    channels: int,
    direct_io: bool,
    live: bool,
    keep_stopped: bool,
    force: bool,
    form: str,
) -> int:
    """Save the guest of a running QEMU to OUT, and check the file.

    The guest is stopped, saved and resumed. A paused guest stays paused; QEMU can save it again
    only after it has run. QEMU itself writes OUT, so its user needs write permission. The file
    contains memory and devices, not disks: once the guest is resumed, its disks are newer than the
    file (see --keep-stopped).

    Migration capabilities that QEMU accepts together with mapped-ram, but that corrupt the file,
    are refused with the reason. Capabilities and parameters that the command changes are restored.
    """
    if direct_io and not channels:
        raise click.UsageError("--direct-io requires --channels")
    wish = Wish(channels, direct_io, live, keep_stopped, force)
    with about(address), _Bar() as bar:
        try:
            captured = _interruptible(capture(address, out, wish, progress=bar.update))
        except CaptureError as error:
            for text in error.cleanup:
                output.note(text)
            raise
    with about(str(out)):
        report = check(out)
    if form == "json":
        output.write_json(_as_dict(captured, report), levels=3)
    else:
        _show(out, captured, report)
    return report.exit_status


class _Bar:
    """A progress bar that appears once QEMU reports the size of the save."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._moved: Moved | None = None
        self._done: int | None = None

    def update(self, done: int, total: int) -> None:
        """Show `done` of `total` bytes; never moves back when the guest dirties pages again."""
        if self._done is None:
            self._moved = self._stack.enter_context(progress("capture", total))
            self._done = 0
        if self._moved and done > self._done:
            self._moved(done - self._done)
            self._done = done

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _interruptible(task: Coroutine[Any, Any, T]) -> T:
    """Run a task that signals cancel, so that it can restore QEMU's settings before it ends."""
    received: list[signal.Signals] = []

    async def main() -> T:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        assert own is not None

        def end(number: signal.Signals) -> None:
            if not received:  # a second signal must not interrupt the clean-up
                received.append(number)
                own.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise (KeyboardInterrupt if received[0] == signal.SIGINT else TerminatedError) from None


def _as_dict(captured: Captured, report: Report) -> dict[str, Any]:
    return {
        "file": report.file,
        "qemu": ".".join(map(str, captured.guest.version)),
        "memory": captured.guest.memory,
        "milliseconds": captured.milliseconds,
        "downtime": captured.downtime,
        "running": captured.running,
        "verdict": report.verdict,
        "findings": [finding.to_dict() for finding in report.findings],
    }


def _show(out: Path, captured: Captured, report: Report) -> None:
    guest = captured.guest
    release = ".".join(map(str, guest.version))
    pause = f", stopped for {captured.downtime} ms" if captured.downtime is not None else ""
    after = "is running" if captured.running else "is stopped"
    output.line(
        f"{printable(str(out))}: {size(guest.memory)} of memory by QEMU {release} in"
        f" {captured.milliseconds} ms{pause}; the guest {after}; {report.verdict}"
    )
    for finding in report.findings:
        if finding.severity != Severity.INFO:
            output.line(f"    {finding.severity} {finding.code}: {printable(finding.message)}")
