"""What verbs that write files share: options, progress on a terminal, an end by signal."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import click

from mappedram.cli import output
from mappedram.cli.status import TerminatedError
from mappedram.export.options import ExportOptions
from mappedram.io.copying import Progress as Moved

#: More than two threads seldom help, and the disk has other users.
_CHANNELS = min(4, os.cpu_count() or 1)

force_option = click.option(
    "--force",
    is_flag=True,
    help="Replace files that exist already; write over block devices.",
)

channels_option = click.option(
    "--channels",
    type=click.IntRange(1, 255),
    default=_CHANNELS,
    show_default=True,
    metavar="N",
    help="Threads that move pages.",
)

direct_io_option = click.option(
    "--direct-io", is_flag=True, help="Write pages past the page cache (O_DIRECT)."
)


@dataclass(frozen=True, slots=True)
class Moving:
    """How memory is written.

    Attributes:
        channels: number of threads.
        direct_io: write past the page cache where the file system can.
        force: replace files that exist already.
        partial: leave holes where the snapshot does not tell what memory holds.
    """

    channels: int
    direct_io: bool
    force: bool
    partial: bool

    def options(self, progress: Moved | None) -> ExportOptions:
        """The same for an export; `progress` is called with the number of bytes moved."""
        return ExportOptions(self.channels, self.direct_io, self.partial, progress)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, SIGTERM ends the work as Ctrl-C does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TerminatedError

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def progress(what: str, total: int) -> Iterator[Moved | None]:
    """A bar with rate and remaining time, if standard error is a terminal; nothing otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda moved: bar.advance(task, moved)


@contextmanager
def counted(what: str, total: int | None) -> Iterator[Callable[[], object]]:
    """Calls are counted in a bar, if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def note_direct_io(refused: str | None) -> None:
    """Say that O_DIRECT was not used, if it was asked for and was not."""
    if refused:
        output.note(f"--direct-io: {refused}; written through the page cache")
