"""The options that select a QEMU release and a destination."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from mappedram.check import Question
from mappedram.cli.options import InPath
from mappedram.cli.status import UNFINISHED, FailureError, about
from mappedram.errors import NotModelledError
from mappedram.qemu.loader import NAMES, RELEASES, Destination
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot

#: A function that click turns into a command.
Command = TypeVar("Command", bound=Callable[..., object])


def loading_options(command: Command) -> Command:
    """The options `--qemu` and `--destination`."""
    for option in (
        click.option(
            "--destination",
            type=InPath(),
            metavar="SNAPSHOT",
            help="Assume a destination identical to the guest that wrote SNAPSHOT: its machine"
            " type, RAM blocks, devices and their versions. Default: a destination that matches"
            " FILE.",
        ),
        click.option(
            "--qemu",
            type=click.Choice(NAMES),
            metavar="RELEASE",
            help="Give the verdict for this release of QEMU. One of"
            f" {', '.join(RELEASES)}; without its last number, the newest known.",
        ),
    ):
        command = option(command)
    return command


def question(release: str | None, snapshot: str | None, takes: Callable[[str], bool]) -> Question:
    """The question that the options ask.

    Args:
        release: value of `--qemu`.
        snapshot: value of `--destination`.
        takes: whether a code is selected.

    Raises:
        FailureError: the snapshot cannot be read, or does not name all devices of its machine.
            The exit status is 1, whatever kind of file the snapshot is.
    """
    if snapshot is None:
        return Question(release, None, takes)
    try:
        with about(snapshot), open_any(snapshot) as (opened, _):
            _check_machine(opened)
            # Capabilities are no property of a machine: they are set to match the file.
            destination = replace(Destination.of(opened), capabilities=None)
            return Question(release, destination, takes)
    except FailureError as failure:
        raise FailureError(failure.file, failure.message, UNFINISHED) from failure


def _check_machine(snapshot: OpenSnapshot) -> None:
    """Check that a snapshot names all RAM blocks and devices of its machine.

    Raises:
        NotModelledError: it has no RAM, or could not be parsed to its end.
    """
    stopped = snapshot.stream.stopped
    if stopped is not None:
        raise NotModelledError(f"its machine is not completely known: {stopped}")
    if not snapshot.blocks:
        raise NotModelledError("its machine is not completely known: no RAM blocks")
