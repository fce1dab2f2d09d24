"""What verbs that write memory share where a file does not tell all of it."""

from collections.abc import Iterable, Iterator, Mapping

import click

from mappedram.cli import output
from mappedram.cli.status import CORRUPT, FINE
from mappedram.errors import FormatError
from mappedram.json_types import Json
from mappedram.printable import printable
from mappedram.stream.coverage import NOT_LISTED, Coverage, Reason

partial_option = click.option(
    "--partial",
    is_flag=True,
    help="Go on where FILE does not tell what pages hold: leave zeros in their place, name each"
    " such range, and end with status 2.",
)

STATUS_OF_PARTIAL = (
    "Exit status:\n"
    "  0   done\n"
    "  1   it could not be done; nothing half-written is left\n"
    "  2   done with --partial: the ranges that were named are unknown\n"
    "  63  not a file that this tool handles\n"
    "  64  wrong usage"
)


def show_unknown(unknown: Iterable[Coverage]) -> int:
    """Name each unknown range on standard output, say how much it is on standard error.

    Returns:
        The exit status.
    """
    lacking = [coverage for coverage in unknown if coverage.unknown]
    for coverage in lacking:
        for line in lines(coverage):
            output.line(line)
    return note_unknown(lacking)


def report(form: str, said: Mapping[str, Json], unknown: Iterable[Coverage]) -> int:
    """Say of a verb that is done what it wrote, and what is unknown in it.

    Args:
        form: `json`, or what people read, where only the unknown is told.
        said: the rest of the JSON.
        unknown: what the file does not tell of what was written.

    Returns:
        The exit status.
    """
    unknown = list(unknown)
    if form != "json":
        return show_unknown(unknown)
    output.write_json({**said, "unknown": as_dicts(unknown)})
    return note_unknown(unknown)


def note_unknown(unknown: Iterable[Coverage]) -> int:
    """Say on standard error how much is unknown, and why; returns the exit status."""
    status = FINE
    for coverage in unknown:
        for sentence in coverage.sentences():
            output.note(sentence)
            status = CORRUPT
    return status


def lines(coverage: Coverage) -> Iterator[str]:
    """A line for each unknown range."""
    name = printable(coverage.idstr) if coverage.idstr != NOT_LISTED else "blocks without a header"
    for one in coverage.ranges():
        reason = Reason(one.reason).text
        yield f"{name} {one.offset:#x}-{one.offset + one.size:#x}: unknown: {reason}"


def as_dicts(unknown: Iterable[Coverage]) -> Iterator[dict[str, Json]]:
    """The ranges for JSON; `idstr` is null for blocks whose headers are not in the file."""
    for coverage in unknown:
        for one in coverage.ranges():
            yield {
                "idstr": one.idstr if one.idstr != NOT_LISTED else None,
                "offset": one.offset,
                "length": one.size,
                "reason": one.reason,
            }


def note_damage(damage: FormatError) -> None:
    """Print why only a part of a compressed image could be decompressed."""
    output.note(str(damage))
