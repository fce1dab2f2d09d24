"""The options that select findings by their codes."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from mappedram.check import RULES
from mappedram.check.selection import Selection
from mappedram.cli.completing import complete_codes

#: A function that click turns into a command.
Command = TypeVar("Command", bound=Callable[..., object])


def selection_options(command: Command) -> Command:
    """The options `--select` and `--ignore`."""
    for option in (
        click.option(
            "--ignore",
            multiple=True,
            metavar="CODE",
            shell_complete=complete_codes,
            help="Leave out findings with a code that begins with CODE. Takes precedence over"
            " --select.",
        ),
        click.option(
            "--select",
            multiple=True,
            metavar="CODE",
            shell_complete=complete_codes,
            help="Show only findings with a code that begins with CODE, such as MR2. Can be given"
            " more than once.",
        ),
    ):
        command = option(command)
    return command


def selection(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """The choice that the options `--select` and `--ignore` make.

    Raises:
        UsageError: no rule has a code that begins like that.
    """
    return Selection(_prefixes("--select", select), _prefixes("--ignore", ignore))


def _prefixes(option: str, given: Sequence[str]) -> tuple[str, ...]:
    """Prefixes in capitals; one that no rule has is an error, as a typo would hide findings."""
    prefixes = tuple(prefix.upper() for prefix in given)
    for prefix in prefixes:
        if not any(code.startswith(prefix) for code in RULES):
            raise click.UsageError(f"{option}: no rule has a code that begins with {prefix!r}")
    return prefixes
