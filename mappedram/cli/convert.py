"""`mappedram convert`: a snapshot in another form."""

from pathlib import Path

import click

import mappedram
from mappedram.cli.extract import STATUS_OF_WRITING, chosen_blocks, write_blocks
from mappedram.cli.options import driver_option, epilog, file_argument, offset_option, size_type
from mappedram.cli.status import FINE, about
from mappedram.cli.writing import (
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.convert.mapped_ram import Layout, lay_out
from mappedram.convert.raw import stored_bytes
from mappedram.convert.stream import to_stream
from mappedram.drivers import DriverName
from mappedram.layout.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.output import StagedFiles
from mappedram.snapshot import Snapshot

FORMATS = ("raw", "mapped-ram", "stream")


@click.command(
    "convert",
    short_help="A snapshot in another form, or laid out anew.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram convert -O raw -b pc.ram guest.mapped-ram pc.ram.raw\n"
        "  mappedram convert -O mapped-ram --sparse guest.mapped-ram smaller.mapped-ram\n"
        "  mappedram convert -O mapped-ram --offset 0x1239 guest.save bare.mapped-ram",
        STATUS_OF_WRITING,
    ),
)
@click.option("-O", "target_format", type=click.Choice(FORMATS), required=True, help="Target form.")
@file_argument
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option("-b", "--block", "idstr", metavar="IDSTR", help="The one block (raw).")
@offset_option
@click.option(
    "--out-offset",
    type=size_type,
    default="0",
    metavar="N",
    help="Where the stream begins in OUT (mapped-ram).  [default: 0]",
)
@click.option(
    "--align",
    type=size_type,
    default=str(MAPPED_RAM_FILE_OFFSET_ALIGNMENT),
    metavar="N",
    help="What the offset of the pages is a multiple of (mapped-ram).  [default: 1M, as QEMU]",
)
@click.option("--sparse", is_flag=True, help="Leave out stored pages of zeros (mapped-ram).")
@click.option("--dense", is_flag=True, help="Fill the holes of OUT with zeros (mapped-ram).")
@driver_option
@channels_option
@direct_io_option
@force_option
def command(
    target_format: str,
    file: str,
    out: Path,
    idstr: str | None,
    offset: int,
    out_offset: int,
    align: int,
    sparse: bool,
    dense: bool,
    driver: DriverName,
    channels: int,
    direct_io: bool,
    force: bool,
) -> int:
    """Write the snapshot FILE in another form to OUT.

    raw: one RAM block as a sparse file; `mappedram extract` writes several. mapped-ram: the same
    snapshot laid out anew, with the same RAM and devices; stale bytes of pages that turned zero
    are left behind. stream: without mapped-ram, for a destination that has the capability off.
    FILE may be with mapped-ram or without.
    """
    if idstr is not None and target_format != "raw":
        raise click.UsageError("-b IDSTR goes with -O raw")
    layout = Layout(out_offset, align, sparse, dense, channels, direct_io)
    with about(file), mappedram.open(file, offset, driver=driver) as snapshot:
        if target_format == "raw":
            _to_raw(snapshot, out, idstr, layout, force)
        elif target_format == "stream":
            _to_stream(snapshot, out, force)
        else:
            _to_mapped_ram(snapshot, out, layout, force)
    return FINE


def _to_raw(snapshot: Snapshot, out: Path, idstr: str | None, layout: Layout, force: bool) -> None:
    blocks = chosen_blocks(snapshot, [idstr] if idstr is not None else [])
    if len(blocks) != 1:
        raise click.UsageError(
            f"raw takes one block, and the snapshot has {len(blocks)}: choose with -b, or use"
            " `mappedram extract -d DIR`"
        )
    write_blocks(blocks, [out], layout.channels, layout.direct_io, force)


def _to_stream(snapshot: Snapshot, out: Path, force: bool) -> None:
    total = sum(block.used_length for block in snapshot.blocks if block.has_pages)
    with (
        ended_by_signals(),
        progress("convert", total) as moved,
        StagedFiles(force=force) as files,
    ):
        to_stream(snapshot, files.open(out), progress=moved)


def _to_mapped_ram(snapshot: Snapshot, out: Path, layout: Layout, force: bool) -> None:
    total = sum(stored_bytes(block) for block in snapshot.blocks if block.has_pages)
    with (
        ended_by_signals(),
        progress("convert", total) as moved,
        StagedFiles(force=force) as files,
    ):
        note_direct_io(lay_out(snapshot, files.open(out), layout, progress=moved))
