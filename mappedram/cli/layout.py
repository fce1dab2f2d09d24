"""`mappedram layout`: map every byte of a file to a named region."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_regions
from mappedram.cli.names import matching
from mappedram.cli.options import (
    STATUS_OF_READING,
    OutPath,
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.status import FINE, about
from mappedram.cli.writing import force_option
from mappedram.format.drivers import DriverName
from mappedram.io.opening import DiskImage
from mappedram.io.staged import StagedFiles
from mappedram.printable import printable
from mappedram.stream.libvirt import LibvirtImage, open_any, regions_of
from mappedram.stream.regions import Region
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.fields import ShownField, decoded, fields_of
from mappedram.view.info import stopped_as_dict
from mappedram.view.regions import pieces, sample
from mappedram.view.text import hex_bytes, size

#: Wider names go past their column.
_NAME_WIDTH_MAX = 56


@click.command(
    "layout",
    short_help="Map every byte of the file to a named region.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram layout guest.mapped-ram\n"
        "  mappedram layout --hex guest.mapped-ram | less\n"
        "  mappedram layout --hex --region 'header of pc.ram' guest.mapped-ram\n"
        "  mappedram layout --region '/sections[4]/*' guest.mapped-ram\n"
        "  mappedram layout --html guest.html guest.mapped-ram",
        STATUS_OF_READING,
    ),
)
@file_argument
@click.option(
    "--hex", "with_hex", is_flag=True, help="Show the bytes of each field with its value."
)
@click.option(
    "--region",
    "patterns",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_regions,
    help="Show only regions with this name or path; * and ? are wildcards. Can be given more than"
    " once.",
)
@click.option(
    "--html",
    "page",
    type=OutPath(),
    metavar="OUT",
    help="Write an HTML page instead: the regions drawn to scale, the pages of each block, every"
    " field with its clauses, the findings of `check`, and the devices.",
)
@force_option
@snapshot_option
@offset_option
@driver_option
@output_option
def command(
    file: str,
    with_hex: bool,
    patterns: tuple[str, ...],
    page: Path | None,
    force: bool,
    chosen: str | None,
    offset: int,
    driver: DriverName,
    form: str,
) -> int:
    """Show the regions of a snapshot, in file order. Every byte belongs to exactly one region.

    A region is a header, a bitmap, padding, the pages of a block, the state of a device, or a gap
    that belongs to nothing. With --hex, headers are shown field by field, as in spec/format.md,
    and other regions by their first bytes. The JSON output always includes the fields. The page
    that --html writes is self-contained and has a limited size.
    """
    if page and (with_hex or patterns or form == "json"):
        raise click.UsageError("--html cannot be used with --hex, --region or --output json")
    opened = within(file, chosen)
    with about(file), open_any(opened, offset, driver=driver, partial=True) as (snapshot, image):
        regions = _selected(regions_of(snapshot, image), patterns)
        if page:
            _write(snapshot, page, _page(file, opened, offset, snapshot, image), force=force)
        elif form == "json":
            _show_json(file, snapshot, regions)
        elif with_hex:
            _show_hex(snapshot, regions)
        else:
            _show_table(snapshot, regions)
        if snapshot.stream.stopped:
            raise snapshot.stream.stopped
    return FINE


def _selected(regions: list[Region], patterns: Sequence[str]) -> list[Region]:
    return matching("region", patterns, regions, lambda one: (one.name, one.path))


def _page(
    file: str,
    opened: str | DiskImage,
    offset: int,
    snapshot: OpenSnapshot,
    image: LibvirtImage | None,
) -> str:
    from mappedram import html
    from mappedram.check import check

    return html.page(file, snapshot, image, check(opened, offset))


def _write(snapshot: OpenSnapshot, place: Path, text: str, *, force: bool) -> None:
    with (
        StagedFiles(*snapshot.source.descriptors, force=force) as files,
        open(files.open(place), "wb", closefd=False) as stream,
    ):
        stream.write(text.encode())


# JSON.


def _show_json(file: str, snapshot: OpenSnapshot, regions: list[Region]) -> None:
    output.write_json(
        {
            "file": file,
            "size": snapshot.stream.file_size,
            "stopped": stopped_as_dict(snapshot.stream.stopped),
            "regions": (_region_as_dict(snapshot, region) for region in regions),
        }
    )


def _region_as_dict(snapshot: OpenSnapshot, region: Region) -> dict[str, Any]:
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


# For a person.


def _show_table(snapshot: OpenSnapshot, regions: list[Region]) -> None:
    width = len(f"{snapshot.stream.file_size:#x}")
    name_width = min(max((len(region.name) for region in regions), default=0), _NAME_WIDTH_MAX)
    heading = f"{'offset':>{width}}  {'end':>{width}}  {'size':>10}  {'name':<{name_width}}  path"
    columns = output.width()
    output.line(output.styled(heading, "bold"))
    for members, note in pieces(snapshot, regions):
        for region in members:
            place = f"{region.offset:#{width}x}  {region.end:#{width}x}  {size(region.length):>10}"
            name, path = printable(region.name), printable(region.path)
            text = f"{place}  {name:<{name_width}}  {path}"
            if columns is not None and len(text) > columns:
                output.line(f"{place}  {name}")
                text = f"    {path}"
            output.line(text)
        if note:
            output.line(str(note))


def _show_hex(snapshot: OpenSnapshot, regions: list[Region]) -> None:
    for members, note in pieces(snapshot, regions):
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


def _hex_of(snapshot: OpenSnapshot, region: Region) -> Iterator[str]:
    if region.element:
        yield from _annotated(snapshot, fields_of(snapshot, region.element))
    else:
        yield from sample(snapshot, region)


def _annotated(snapshot: OpenSnapshot, fields: list[ShownField]) -> Iterator[str]:
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
