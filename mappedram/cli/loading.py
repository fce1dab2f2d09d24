"""What several releases of QEMU do with a file: the options about it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from mappedram.check import Question
from mappedram.cli.status import UNFINISHED, FailureError, about
from mappedram.errors import NotModelledError
from mappedram.qemu.loader import NAMES, RELEASES, Destination
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot

#: A function that click makes a command of.
Command = TypeVar("Command", bound=Callable[..., object])


def loading_options(command: Command) -> Command:
    """The options `--qemu` and `--destination`."""
    for option in (
        click.option(
            "--destination",
            type=click.Path(),
            metavar="SNAPSHOT",
            help="Assume a destination identical to the guest that wrote SNAPSHOT: its machine"
            " type, RAM blocks, devices and their versions. Default: one that fits FILE.",
        ),
        click.option(
            "--qemu",
            type=click.Choice(NAMES),
            metavar="RELEASE",
            help="Judge FILE by what this release does with it. One of"
            f" {', '.join(RELEASES)}; without its last number, the newest that is known.",
        ),
    ):
        command = option(command)
    return command


def question(release: str | None, snapshot: str | None, takes: Callable[[str], bool]) -> Question:
    """What the options ask.

    Args:
        release: of `--qemu`.
        snapshot: of `--destination`.
        takes: which codes are wanted.

    Raises:
        FailureError: the snapshot cannot be read, or does not tell what its machine has. The exit
            status says that nothing was found out, not what kind of file the snapshot is.
    """
    if snapshot is None:
        return Question(release, None, takes)
    try:
        with about(snapshot), open_any(snapshot) as (opened, _):
            _check_machine(opened)
            # Capabilities are no property of a machine: whoever loads a file sets those it has.
            destination = replace(Destination.of(opened), capabilities=None)
            return Question(release, destination, takes)
    except FailureError as failure:
        raise FailureError(failure.file, failure.message, UNFINISHED) from failure


def _check_machine(snapshot: OpenSnapshot) -> None:
    """See to it that a snapshot names all that its machine has.

    Raises:
        NotModelledError: it has no RAM, or could not be followed to its end.
    """
    stopped = snapshot.stream.stopped
    if stopped is not None:
        raise NotModelledError(f"not all that its machine has is known: {stopped}")
    if not snapshot.blocks:
        raise NotModelledError("not all that its machine has is known: it has no RAM")
