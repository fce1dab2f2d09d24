"""Options, progress bars and signal handling of the verbs that write files."""

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

#: More threads seldom help, and the disk has other users.
_CHANNELS = min(4, os.cpu_count() or 1)

force_option = click.option(
    "--force",
    is_flag=True,
    help="Overwrite existing files and block devices.",
)

channels_option = click.option(
    "--channels",
    type=click.IntRange(1, 255),
    default=_CHANNELS,
    show_default="that of the processors, at most 4",
    metavar="N",
    help="Number of threads that copy pages.",
)

direct_io_option = click.option(
    "--direct-io", is_flag=True, help="Write pages with O_DIRECT, bypassing the page cache."
)


@dataclass(frozen=True, slots=True)
class Moving:
    """How memory is written.

    Attributes:
        channels: number of threads.
        direct_io: bypass the page cache where the file system supports it.
        force: replace existing files.
        partial: leave holes where the snapshot lacks the contents of memory.
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
    """Make SIGTERM end the work like Ctrl-C."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TerminatedError

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def progress(what: str, total: int) -> Iterator[Moved | None]:
    """A progress bar with rate and remaining time, if standard error is a terminal."""
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
    """A progress bar that counts calls, if standard error is a terminal."""
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


@contextmanager
def per_file(what: str, total: int) -> Iterator[Callable[[], object]]:
    """A progress bar that counts calls, with rate and remaining time, as `counted` does."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:.1f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate())
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def note_direct_io(refused: str | None) -> None:
    """Note that O_DIRECT was requested but could not be used."""
    if refused:
        output.note(f"--direct-io: {refused}; used the page cache instead")
