"""Shared by the verbs of `mappedram fuzz`: the option `--first`, and generator failures."""

from typing import TYPE_CHECKING

import click

from mappedram.cli import output

if TYPE_CHECKING:
    from mappedram.fuzz.faults import Fault

first_option = click.option(
    "--first",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="I",
    help="Start with file number I of the seed. Reports identify files by this number.",
)


def note_fault(fault: "Fault") -> None:
    """Report on standard error that a file cannot be generated."""
    output.note(f"{fault.text} (a bug in mappedram)")


def undrawn(count: int) -> str:
    """The end of a summary: how many files could not be generated, if any."""
    return f"; {count} could not be generated" if count else ""
