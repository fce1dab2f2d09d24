"""Options and reports of the verbs that write memory, for files that lack part of it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager

import click

from mappedram.cli import output
from mappedram.cli.options import given_memory
from mappedram.cli.status import CORRUPT, FINE
from mappedram.errors import FormatError
from mappedram.format.drivers import DriverName
from mappedram.io.opening import DiskImage
from mappedram.json_types import Json
from mappedram.printable import printable
from mappedram.stream.coverage import NOT_LISTED, Coverage, Reason
from mappedram.stream.libvirt import LibvirtImage, open_any
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.unknown import as_dicts

partial_option = click.option(
    "--partial",
    is_flag=True,
    help="If FILE lacks the contents of some pages, leave zeros in their place, name each such"
    " range, and exit with status 2.",
)

STATUS_OF_PARTIAL = (
    "Exit status:\n"
    "  0   success\n"
    "  1   failure; no partly written file is left\n"
    "  2   done with --partial; the output names the unknown ranges\n"
    "  63  not a file that this tool handles\n"
    "  64  usage error"
)


def partly(
    partial: bool, file: str | DiskImage, offset: int, *, driver: DriverName
) -> AbstractContextManager[tuple[OpenSnapshot, LibvirtImage | None]]:
    """Open a file even if it is incomplete, so that unknown ranges are reported.

    With `partial`, a compressed image that is truncated or damaged is read as far as possible.
    """
    on_damage = note_damage if partial else None
    memory = given_memory()
    return open_any(file, offset, partial=True, on_damage=on_damage, driver=driver, memory=memory)


def show_unknown(unknown: Iterable[Coverage]) -> int:
    """List each unknown range on standard output, and the totals on standard error.

    Returns:
        The exit status.
    """
    lacking = [coverage for coverage in unknown if coverage.unknown]
    for coverage in lacking:
        for line in lines(coverage):
            output.line(line)
    return note_unknown(lacking)


def report(form: str, said: Mapping[str, Json], unknown: Iterable[Coverage]) -> int:
    """Report the result of a verb, and the unknown ranges in its output.

    Args:
        form: `json`, or `human`, which reports only the unknown ranges.
        said: the other members of the JSON.
        unknown: coverage of the memory that was written.

    Returns:
        The exit status.
    """
    unknown = list(unknown)
    if form != "json":
        return show_unknown(unknown)
    output.write_json({**said, "unknown": as_dicts(unknown)})
    return note_unknown(unknown)


def note_unknown(unknown: Iterable[Coverage]) -> int:
    """Report on standard error how much is unknown, and why; returns the exit status."""
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


def note_damage(damage: FormatError) -> None:
    """Print why only a part of a compressed image could be decompressed."""
    output.note(str(damage))
