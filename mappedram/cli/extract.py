"""`mappedram extract`: RAM blocks as raw files."""

from collections.abc import Mapping, Sequence
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
from mappedram.cli.partial import (
    STATUS_OF_PARTIAL,
    as_dicts,
    note_unknown,
    partial_option,
    partly,
    show_unknown,
)
from mappedram.cli.status import about
from mappedram.cli.writing import (
    Moving,
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.errors import UnsupportedError
from mappedram.export.raw import extract, stored_bytes
from mappedram.format.constants import RAM_SECTION_IDSTR
from mappedram.format.drivers import DriverName
from mappedram.io.staged import DEVICES, StagedFiles, make_folder, safe_name
from mappedram.printable import printable
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.snapshot import Block, OpenSnapshot
from mappedram.view.text import size

_SUFFIX = ".raw"


@click.command(
    "extract",
    short_help="RAM blocks as sparse raw files.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram extract guest.mapped-ram -d ram/\n"
        "  mappedram extract guest.mapped-ram -b pc.ram -o pc.ram.raw\n"
        "  mappedram extract --partial cut-off.mapped-ram -d ram/",
        STATUS_OF_PARTIAL,
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
@partial_option
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
    partial: bool,
    form: str,
) -> int:
    """Write RAM blocks as sparse raw files: byte n of a file is byte n of the block.

    A page that is not in the snapshot becomes a hole, whatever bytes lie at its place. Where FILE
    does not tell what a page holds, nothing is written at all without --partial. Names of blocks
    become file names by percent-encoding; nothing is written outside of DIR.
    """
    if (directory is None) == (out is None):
        raise click.UsageError("expected one of -d DIR and -o OUT")
    opening = partly(partial, file, offset, driver=driver)
    with about(file), opening() as (snapshot, _):
        blocks = chosen_blocks(snapshot, idstrs)
        unknown = unknown_of(snapshot, idstrs)
        if not partial:
            require_known(unknown, snapshot.stream.stopped)
        if out is not None and len(blocks) != 1:
            raise click.UsageError(f"-o OUT takes one block, not {len(blocks)}; choose with -b")
        if directory is not None:
            make_folder(directory, *snapshot.source.descriptors)
        places = [out or Path(directory or "", safe_name(b.idstr, _SUFFIX)) for b in blocks]
        also = frozenset() if out is None else DEVICES  # links in DIR lead nowhere
        write_blocks(blocks, places, Moving(channels, direct_io, force, partial), also)
    if form == "json":
        written = dict(zip((block.idstr for block in blocks), places, strict=True))
        output.write_json(_as_dict(snapshot, one, written) for one in unknown)
        return note_unknown(unknown)
    for block, place in zip(blocks, places, strict=True):
        output.line(
            f"{printable(str(place))}: {printable(block.idstr)}, {size(block.used_length)},"
            f" {size(stored_bytes(block))} of it stored"
        )
    return show_unknown(unknown)


def chosen_blocks(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Block]:
    """The blocks of these names, or all that the file can hold pages of.

    Raises:
        UsageError: there is no block of a name.
        FormatError: the file ends, or cannot be followed, before the first block.
        UnsupportedError: it holds devices alone.
    """
    snapshot.require_blocks()
    if snapshot.stream.ended and not any(s.idstr == RAM_SECTION_IDSTR for s in snapshot.sections):
        raise UnsupportedError("the stream holds devices and no guest memory")
    for idstr in idstrs:
        if idstr not in snapshot.block:
            known = ", ".join(map(printable, snapshot.block))
            raise click.UsageError(f"no block {idstr!r} in the snapshot; it has {known}")
    if idstrs:
        return [snapshot.block[idstr] for idstr in dict.fromkeys(idstrs)]
    return [block for block in snapshot.block.values() if block.readable]


def unknown_of(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Coverage]:
    """What the file does not tell of the blocks of these names, or of all memory."""
    if idstrs:
        return [snapshot.block[idstr].coverage for idstr in dict.fromkeys(idstrs)]
    return snapshot.coverages()


def write_blocks(
    blocks: Sequence[Block],
    places: Sequence[Path],
    moving: Moving,
    also: frozenset[int] = DEVICES,
) -> None:
    """Write each block to its place, which may be a device of `also`; all of them, or none."""
    total = sum(map(stored_bytes, blocks))
    with (
        ended_by_signals(),
        progress("extract", total) as moved,
        StagedFiles(
            *(one for block in blocks for one in block.source.descriptors), force=moving.force
        ) as files,
    ):
        refused = None
        for block, place in zip(blocks, places, strict=True):
            fd = files.open(place, also=also)
            refused = (
                extract(
                    block,
                    fd,
                    channels=moving.channels,
                    direct_io=moving.direct_io,
                    partial=moving.partial,
                    progress=moved,
                )
                or refused
            )
    note_direct_io(refused)


def _as_dict(
    snapshot: OpenSnapshot, coverage: Coverage, written: Mapping[str, Path]
) -> dict[str, object]:
    """What became of one block; of those whose headers are not in the file, `idstr` is null."""
    block = snapshot.block.get(coverage.idstr)
    place = written.get(coverage.idstr)
    return {
        "idstr": block.idstr if block else None,
        "file": str(place) if place else None,
        "used_length": coverage.used_length,
        "pages_present": block.stored.count() if block and block.readable else 0,
        "page_size": coverage.page_size,
        "unknown": list(as_dicts([coverage])),
    }
