"""`mappedram layout`: whose is each byte of a file."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from itertools import groupby
from typing import Any

import click

from mappedram.cli import output
from mappedram.cli.fields import Field, decoded, fields_of
from mappedram.cli.info import stopped_as_dict
from mappedram.cli.options import (
    STATUS_OF_READING,
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
)
from mappedram.cli.sections import folded_sections, section_key
from mappedram.cli.status import FINE, UNFINISHED, FailureError, about
from mappedram.cli.text import folded, hex_bytes, hex_lines, printable, size
from mappedram.container import open_any, regions_of
from mappedram.drivers import DriverName
from mappedram.layout.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.model import Section
from mappedram.regions import Region
from mappedram.snapshot import Snapshot

#: Bytes shown of a region that is not a structure.
_SAMPLE = 32
#: Padding is looked through up to this size; QEMU's is always shorter.
_PADDING_MAX = MAPPED_RAM_FILE_OFFSET_ALIGNMENT
#: Wider names go past their column.
_NAME_WIDTH_MAX = 56


@click.command(
    "layout",
    short_help="Whose is each byte: every region of the file, in order.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram layout guest.mapped-ram\n"
        "  mappedram layout --hex guest.mapped-ram | less\n"
        "  mappedram layout --hex --region 'header of pc.ram' guest.mapped-ram\n"
        "  mappedram layout --region '/sections[4]/*' guest.mapped-ram",
        STATUS_OF_READING,
    ),
)
@file_argument
@click.option(
    "--hex", "with_hex", is_flag=True, help="Show the bytes, field by field, with their meaning."
)
@click.option(
    "--region",
    "patterns",
    multiple=True,
    metavar="NAME",
    help="Only regions with this name or path, in which * and ? stand for anything; can be given"
    " more than once.",
)
@offset_option
@driver_option
@output_option
def command(
    file: str,
    with_hex: bool,
    patterns: tuple[str, ...],
    offset: int,
    driver: DriverName,
    form: str,
) -> int:
    """Show every byte of a snapshot in one named region, in the order of the file.

    Regions are headers, bitmaps, padding, the pages of each block, the payloads of devices, and
    gaps that belong to nothing. With --hex, structures are shown field by field, as
    spec/format.md describes them, and of all else the first bytes. The JSON output always has the
    fields.
    """
    with about(file), open_any(file, offset, driver=driver, partial=True) as (snapshot, image):
        regions = _selected(file, regions_of(snapshot, image), patterns)
        if form == "json":
            _show_json(file, snapshot, regions)
        elif with_hex:
            _show_hex(snapshot, regions)
        else:
            _show_table(snapshot, regions)
        if snapshot.stream.stopped:
            raise snapshot.stream.stopped
    return FINE


def _selected(file: str, regions: list[Region], patterns: Sequence[str]) -> list[Region]:
    if not patterns:
        return regions
    # Brackets stand in paths, and mean themselves.
    globs = [re.compile(translate(pattern.replace("[", "[[]"))) for pattern in patterns]
    found = [
        region
        for region in regions
        if any(glob.match(region.name) or glob.match(region.path) for glob in globs)
    ]
    if not found:
        raise FailureError(file, f"no region is called {' or '.join(patterns)}", UNFINISHED)
    return found


# JSON.


def _show_json(file: str, snapshot: Snapshot, regions: list[Region]) -> None:
    output.write_json(
        {
            "file": file,
            "size": snapshot.stream.file_size,
            "stopped": stopped_as_dict(snapshot.stream.stopped),
            "regions": (_region_as_dict(snapshot, region) for region in regions),
        }
    )


def _region_as_dict(snapshot: Snapshot, region: Region) -> dict[str, Any]:
    fields = fields_of(snapshot, region.element) if region.element else []
    return {
        "offset": region.offset,
        "length": region.length,
        "name": region.name,
        "path": region.path,
        "fields": [
            {
                "name": field.path,
                "offset": field.offset,
                "length": field.length,
                "value": field.value.hex() if isinstance(field.value, bytes) else field.value,
                "doc": field.doc,
            }
            for field in fields
        ],
    }


# Runs of sections that are alike are folded, each with all of its regions.


def _pieces(snapshot: Snapshot, regions: list[Region]) -> Iterator[tuple[list[Region], str | None]]:
    """The regions to be shown, and now and then a line for those that repeat them."""
    sections = {section.path: section for section in snapshot.sections}
    groups = [
        (sections.get(path), list(members))
        for path, members in groupby(regions, key=lambda region: region.path.rpartition("/")[0])
    ]
    for shown, hidden in folded(groups, _group_key):
        yield [region for _, members in shown for region in members], None
        if hidden:
            yield [], _folded_line(hidden)


def _group_key(group: tuple[Section | None, list[Region]]) -> object:
    section, members = group
    return section_key(section) if section else members[0].path


def _folded_line(hidden: Sequence[tuple[Section | None, list[Region]]]) -> str:
    first, last = hidden[0][1][0], hidden[-1][1][-1]
    what = folded_sections([section for section, _ in hidden if section])
    return f"{what} {first.offset:#x} to {last.end:#x}"


# For a person.


def _show_table(snapshot: Snapshot, regions: list[Region]) -> None:
    width = len(f"{snapshot.stream.file_size:#x}")
    name_width = min(max((len(region.name) for region in regions), default=0), _NAME_WIDTH_MAX)
    heading = f"{'offset':>{width}}  {'end':>{width}}  {'size':>10}  {'name':<{name_width}}  path"
    output.line(output.styled(heading, "bold"))
    for members, note in _pieces(snapshot, regions):
        for region in members:
            output.line(
                f"{region.offset:#{width}x}  {region.end:#{width}x}  {size(region.length):>10}"
                f"  {printable(region.name):<{name_width}}  {printable(region.path)}"
            )
        if note:
            output.line(note)


def _show_hex(snapshot: Snapshot, regions: list[Region]) -> None:
    for members, note in _pieces(snapshot, regions):
        for region in members:
            _show_heading(region)
            for text in _hex_of(snapshot, region):
                output.line(f"  {text}")
            output.line()
        if note:
            output.line(f"{note}\n")


def _show_heading(region: Region) -> None:
    name = output.styled(printable(region.name), "bold")
    place = f"{region.offset:#x} to {region.end:#x}, {size(region.length)}"
    output.line(f"{name}  {place}  {printable(region.path)}")


def _hex_of(snapshot: Snapshot, region: Region) -> Iterator[str]:
    if region.element:
        yield from _annotated(snapshot, fields_of(snapshot, region.element))
    elif region.kind == "padding" and region.length <= _PADDING_MAX:
        yield from _padding(snapshot, region)
    else:
        yield from _sample(snapshot, region.offset, region.end)


def _annotated(snapshot: Snapshot, fields: list[Field]) -> Iterator[str]:
    hex_width = 3 * min(16, max(field.length for field in fields)) - 1
    name_width = max(len(field.path) for field in fields)
    for field in fields:
        data = snapshot.source.peek(field.offset, field.length)
        rows = [data[start : start + 16] for start in range(0, len(data), 16)] or [b""]
        meaning = f"{field.path:<{name_width}}  {decoded(field.name, field.value)}"
        doc = output.styled(f"; {field.doc.partition('. ')[0].rstrip('.')}", "dim")
        yield f"{field.offset:#010x}  {hex_bytes(rows[0]):<{hex_width}}  {meaning}  {doc}"
        for index, row in enumerate(rows[1:], start=1):
            yield f"{field.offset + 16 * index:#010x}  {hex_bytes(row)}"


def _sample(snapshot: Snapshot, start: int, end: int) -> Iterator[str]:
    """The first bytes, and how many more there are."""
    data = snapshot.source.read(start, min(end - start, _SAMPLE))
    yield from hex_lines(start, data)
    if end - start > len(data):
        yield f"… {end - start - len(data)} more bytes"


def _padding(snapshot: Snapshot, region: Region) -> Iterator[str]:
    stray = _first_nonzero(snapshot, region)
    if stray is None:
        yield "zeros"
        return
    start = max(region.offset, stray - stray % 16)
    if start > region.offset:
        yield f"{start - region.offset} zero bytes, then"
    yield from _sample(snapshot, start, region.end)


def _first_nonzero(snapshot: Snapshot, region: Region) -> int | None:
    for start, end in snapshot.source.extents(region.offset, region.end):
        data = snapshot.source.read(start, end - start)
        rest = data.lstrip(b"\0")
        if rest:
            return start + len(data) - len(rest)
    return None
