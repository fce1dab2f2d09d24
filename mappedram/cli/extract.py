"""`mappedram extract`: RAM blocks as raw files."""

from collections.abc import Sequence
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
)
from mappedram.cli.status import FINE, about
from mappedram.cli.text import printable, size
from mappedram.cli.writing import (
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.container import open_any
from mappedram.convert.raw import extract, stored_bytes
from mappedram.drivers import DriverName
from mappedram.errors import UnsupportedError
from mappedram.output import DEVICES, StagedFiles, make_folder, safe_name
from mappedram.snapshot import Block, Snapshot

_SUFFIX = ".raw"

STATUS_OF_WRITING = (
    "Exit status:\n"
    "  0   done\n"
    "  1   it could not be done; nothing half-written is left\n"
    "  63  not a file that this tool handles\n"
    "  64  wrong usage"
)


@click.command(
    "extract",
    short_help="RAM blocks as sparse raw files.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram extract guest.mapped-ram -d ram/\n"
        "  mappedram extract guest.mapped-ram -b pc.ram -o pc.ram.raw",
        STATUS_OF_WRITING,
    ),
)
@file_argument
@click.option(
    "-b", "--block", "idstrs", multiple=True, metavar="IDSTR", help="Only this block; repeatable."
)
@click.option(
    "-d",
    "--directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the files go, one for each block, named after it; made if missing.",
)
@click.option(
    "-o", "out", type=click.Path(path_type=Path), metavar="OUT", help="The file for one block."
)
@offset_option
@driver_option
@channels_option
@direct_io_option
@force_option
@output_option
def command(
    file: str,
    idstrs: tuple[str, ...],
    directory: Path | None,
    out: Path | None,
    offset: int,
    driver: DriverName,
    channels: int,
    direct_io: bool,
    force: bool,
    form: str,
) -> int:
    """Write RAM blocks as sparse raw files: byte n of a file is byte n of the block.

    A page that is not in the snapshot becomes a hole, whatever bytes lie at its place. Names of
    blocks become file names by percent-encoding; nothing is written outside of DIR.
    """
    if (directory is None) == (out is None):
        raise click.UsageError("expected one of -d DIR and -o OUT")
    with about(file), open_any(file, offset, driver=driver) as (snapshot, _):
        blocks = chosen_blocks(snapshot, idstrs)
        if out is not None and len(blocks) != 1:
            raise click.UsageError(f"-o OUT takes one block, not {len(blocks)}; choose with -b")
        if directory is not None:
            make_folder(directory, snapshot.source.fd)
        places = [out or Path(directory or "", safe_name(b.idstr, _SUFFIX)) for b in blocks]
        also = frozenset() if out is None else DEVICES  # links in DIR lead nowhere
        write_blocks(blocks, places, channels, direct_io, force, also)
    if form == "json":
        output.write_json([_as_dict(*pair) for pair in zip(blocks, places, strict=True)])
    else:
        for block, place in zip(blocks, places, strict=True):
            stored = block.bitmap.count() * block.page_size
            output.line(
                f"{printable(str(place))}: {printable(block.idstr)}, {size(block.used_length)},"
                f" {size(stored)} of it stored"
            )
    return FINE


def chosen_blocks(snapshot: Snapshot, idstrs: Sequence[str]) -> list[Block]:
    """The blocks of these names, or all that the file holds pages of.

    Raises:
        UsageError: there is no block of a name.
        UnsupportedError: the save did not come to its end, so that no bitmap says anything.
    """
    if not snapshot.bitmaps_written:
        raise UnsupportedError(
            "the save did not come to its end: its bitmaps were never written, and which pages are"
            " in the file is not known (see `mappedram check`)"
        )
    for idstr in idstrs:
        if idstr not in snapshot.block:
            known = ", ".join(map(printable, snapshot.block))
            raise click.UsageError(f"no block {idstr!r} in the snapshot; it has {known}")
    if idstrs:
        return [snapshot.block[idstr] for idstr in dict.fromkeys(idstrs)]
    return [block for block in snapshot.block.values() if block.has_pages]


def write_blocks(
    blocks: Sequence[Block],
    places: Sequence[Path],
    channels: int,
    direct_io: bool,
    force: bool,
    also: frozenset[int] = DEVICES,
) -> None:
    """Write each block to its place, which may be a device of `also`; all of them, or none."""
    total = sum(map(stored_bytes, blocks))
    with (
        ended_by_signals(),
        progress("extract", total) as moved,
        StagedFiles(*(block.source.fd for block in blocks), force=force) as files,
    ):
        refused = None
        for block, place in zip(blocks, places, strict=True):
            fd = files.open(place, also=also)
            refused = refused or extract(
                block, fd, channels=channels, direct_io=direct_io, progress=moved
            )
    note_direct_io(refused)


def _as_dict(block: Block, place: Path) -> dict[str, object]:
    return {
        "idstr": block.idstr,
        "file": str(place),
        "used_length": block.used_length,
        "pages_present": block.bitmap.count(),
        "page_size": block.page_size,
    }
