"""What several releases of QEMU make of a file: the options about it, and how it is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import click

from mappedram.check import Report
from mappedram.check.loading import by_outcome
from mappedram.cli.status import about
from mappedram.loader import NAMES, RELEASES, Destination, Verdict, newest
from mappedram.snapshot import open_snapshot


def loading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--qemu` and `--destination`."""
    for option in (
        click.option(
            "--destination",
            type=click.Path(),
            metavar="SNAPSHOT",
            help="What loads FILE is like the guest that wrote SNAPSHOT: its machine type, RAM"
            " blocks, devices and their versions. Default: what matches FILE, as far as it tells.",
        ),
        click.option(
            "--qemu",
            type=click.Choice(NAMES),
            metavar="RELEASE",
            help="The exit status says what this release makes of FILE: 0 loads, 2 anything else."
            f" One of {', '.join(RELEASES)}; without its last number, the newest that is known.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Loading:
    """What `--qemu` and `--destination` say."""

    release: str | None
    destination: Destination | None

    @classmethod
    def of(cls, release: str | None, snapshot: str | None) -> Self:
        """The options.

        Raises:
            FailureError: the snapshot cannot be read.
        """
        release = newest(release).name if release else None
        if snapshot is None:
            return cls(release, None)
        with about(snapshot), open_snapshot(snapshot) as opened:
            return cls(release, Destination.of(opened))

    def exit_status(self, report: Report) -> int:
        """What a command exits with that judges one file."""
        return report.exit_status if self.release is None else report.exit_status_for(self.release)


def lines(report: Report) -> Iterator[str]:
    """What the releases make of a file, those that agree on one line."""
    for releases, verdict in by_outcome(report.qemu):
        span = releases[0] if len(releases) == 1 else f"{releases[0]} to {releases[-1]}"
        yield f"QEMU {span}: {_described(verdict)}"


def _described(verdict: Verdict) -> str:
    because = f" ({', '.join(verdict.because)})" if verdict.because else ""
    doubt = "" if verdict.certain else ", by what is known of its devices"
    basis = "" if verdict.basis == "measured" else f", {verdict.basis}"
    depends = ", depending on the destination" if verdict.depends_on_destination else ""
    words = f': "{verdict.message}"' if verdict.message else ""
    return f"{verdict.outcome}{because}{basis}{doubt}{depends}{words}"
