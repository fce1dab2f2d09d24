"""What the verbs of `mappedram fuzz` share: where to begin, and files that cannot be drawn."""

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
    help="Begin with file I of the seed. Reports name files by their number.",
)


def note_fault(fault: "Fault") -> None:
    """Say on standard error that a file cannot be drawn."""
    output.note(f"{fault.text} (a defect of mappedram)")


def undrawn(count: int) -> str:
    """The end of a summary: how many files could not be drawn, if any."""
    return f"; {count} could not be drawn" if count else ""
