"""`mappedram map`: guest-physical addresses and their offsets in the file."""

from collections.abc import Iterator
from typing import Any

import click

from mappedram.cli import output
from mappedram.cli.options import (
    below_4g_option,
    driver_option,
    epilog,
    file_argument,
    given_memory,
    memory_option,
    offset_option,
    output_option,
    refuse_impossible,
    snapshot_option,
    within,
)
from mappedram.cli.status import FINE, about
from mappedram.format.drivers import DriverName
from mappedram.guest.physical import PhysicalMap, Range, physical_map
from mappedram.printable import printable
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.text import size, table


@click.command(
    "map",
    short_help="Map guest-physical addresses to blocks and file offsets.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram map guest.mapped-ram\n"
        "  mappedram map --below-4g 2G guest.mapped-ram\n"
        "  mappedram map --output json guest.save | jq '.ranges[] | select(.certain | not)'",
        "Exit status:\n"
        "  0   success; a ? marks each range that is not certain\n"
        "  1   the file cannot be read or parsed\n"
        "  63  not a file that this tool handles, or an unknown machine type\n"
        "  64  usage error",
    ),
)
@file_argument
@below_4g_option
@memory_option
@snapshot_option
@offset_option
@driver_option
@output_option
def command(
    file: str, below_4g: int | None, chosen: str | None, offset: int, driver: DriverName, form: str
) -> int:
    """Show where the RAM blocks of FILE are in the guest's physical address space.

    The file does not record the addresses. They are derived from the ACPI tables that QEMU
    generated, from the CMOS memory of a PC, or from rules for the machine type; each range names
    its source. A ? marks a range that is not certain, and the lines below the table give the
    reasons.
    """
    refuse_impossible(below_4g)
    with (
        about(file),
        open_any(within(file, chosen), offset, driver=driver, memory=given_memory()) as opened,
    ):
        snapshot, _ = opened
        found = physical_map(snapshot, below_4g)
        if form == "json":
            output.write_json(_as_dict(file, snapshot, found), levels=2)
        else:
            for line in _lines(snapshot, found):
                output.line(line)
    return FINE


def _file_offset(snapshot: OpenSnapshot, one: Range) -> int | None:
    """File offset of a range's pages; None where they have no fixed offset."""
    pages_offset = snapshot.block[one.idstr].model.pages_offset
    return None if pages_offset is None else pages_offset + one.offset


def _as_dict(file: str, snapshot: OpenSnapshot, found: PhysicalMap) -> dict[str, Any]:
    return {
        "file": file,
        "machine": snapshot.stream.machine,
        "ranges": [
            {
                "gpa": one.gpa,
                "size": one.size,
                "idstr": one.idstr,
                "block_offset": one.offset,
                "file_offset": _file_offset(snapshot, one),
                "is_ram": one.is_ram,
                "basis": one.basis,
                "certain": one.certain,
            }
            for one in found.ranges
        ],
        "unplaced": list(found.unplaced),
        "doubts": list(found.doubts),
    }


def _lines(snapshot: OpenSnapshot, found: PhysicalMap) -> Iterator[str]:
    header = ("gpa", "end", "size", "kind", "block", "block_offset", "file_offset", "basis")
    yield from table(
        header,
        (_row(snapshot, one) for one in found.ranges),
        right="gpa end size block_offset file_offset",
        columns=output.width(),
    )
    if found.unplaced:
        yield ""
        yield f"not mapped    {printable(', '.join(found.unplaced))}"
    for index, doubt in enumerate(found.doubts):
        yield f"{'' if index else chr(10)}not certain   {printable(doubt)}"


def _row(snapshot: OpenSnapshot, one: Range) -> tuple[str | None, ...]:
    place = _file_offset(snapshot, one)
    return (
        f"{one.gpa:#x}",
        f"{one.end:#x}",
        size(one.size),
        "RAM" if one.is_ram else "ROM",
        printable(one.idstr),
        f"{one.offset:#x}",
        None if place is None else f"{place:#x}",
        f"{'' if one.certain else '? '}{printable(one.basis)}",
    )
