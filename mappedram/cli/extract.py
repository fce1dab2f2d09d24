"""`mappedram extract`: RAM blocks as raw files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_blocks
from mappedram.cli.names import no_such
from mappedram.cli.options import (
    STANDARD_OUTPUT,
    OutPath,
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
from mappedram.guest.physical.dumping import memory_pieces
from mappedram.guest.physical.located import block_memory
from mappedram.io.staged import DEVICES, StagedFiles, make_folder, safe_name
from mappedram.printable import printable
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.text import size

_SUFFIX = ".raw"


@click.command(
    "extract",
    short_help="Write RAM blocks to sparse raw files.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram extract guest.mapped-ram -d ram/\n"
        "  mappedram extract guest.mapped-ram -b pc.ram -o pc.ram.raw\n"
        "  mappedram extract guest.mapped-ram -b pc.ram -o - | strings\n"
        "  mappedram extract --partial cut-off.mapped-ram -d ram/",
        STATUS_OF_PARTIAL,
    ),
)
@file_argument
@click.option(
    "-b",
    "--block",
    "idstrs",
    multiple=True,
    metavar="IDSTR",
    shell_complete=complete_blocks,
    help="Extract only this block; can be given more than once.",
)
@click.option(
    "-d",
    "--directory",
    type=OutPath(),
    metavar="DIR",
    help="Write one file per block into DIR, named after the block; create DIR if it does not"
    " exist.",
)
@click.option(
    "-o",
    "out",
    type=OutPath(standard_output=True),
    metavar="OUT",
    help="Write one block to OUT; - is standard output, if it is a pipe or a file.",
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
    """Write RAM blocks to sparse raw files: byte n of a file is byte n of the block.

    A page with a clear bit becomes a hole, whatever bytes are at its offset. If FILE lacks the
    contents of some pages, nothing is written without --partial. Block names are percent-encoded
    to make file names; nothing is written outside of DIR.
    """
    if (directory is None) == (out is None):
        raise click.UsageError("expected one of -d DIR and -o OUT")
    if out == STANDARD_OUTPUT:
        _refuse_beside_standard_output(direct_io=direct_io, form=form)
    opening = partly(partial, file, offset, driver=driver)
    with about(file), opening() as (snapshot, _):
        blocks = chosen_blocks(snapshot, idstrs)
        unknown = unknown_of(snapshot, idstrs)
        if not partial:
            require_known(unknown, snapshot.stream.stopped)
        if out is not None and len(blocks) != 1:
            raise click.UsageError(f"-o OUT takes one block, not {len(blocks)}; choose with -b")
        if out == STANDARD_OUTPUT:
            _to_standard_output(snapshot, blocks[0])
            return note_unknown(unknown)
        if directory is not None:
            make_folder(directory, snapshot.source.fd)
        places = [out or Path(directory or "", safe_name(b.idstr, _SUFFIX)) for b in blocks]
        also = frozenset() if out is None else DEVICES  # never follow links in DIR
        write_blocks(blocks, places, Moving(channels, direct_io, force, partial), also)
    if form == "json":
        written = dict(zip((block.idstr for block in blocks), places, strict=True))
        output.write_json(_as_dict(snapshot, one, written) for one in unknown)
        return note_unknown(unknown)
    _show(blocks, places)
    return show_unknown(unknown)


def _show(blocks: Sequence[Block], places: Sequence[Path]) -> None:
    for block, place in zip(blocks, places, strict=True):
        output.line(
            f"{printable(str(place))}: {printable(block.idstr)}, {size(block.used_length)},"
            f" {size(stored_bytes(block))} of it stored"
        )


def _refuse_beside_standard_output(*, direct_io: bool, form: str) -> None:
    if direct_io or form == "json":
        raise click.UsageError("-o - cannot be used with --direct-io or --output json")
    output.refuse_terminal("-o -")


def _to_standard_output(snapshot: OpenSnapshot, block: Block) -> None:
    """Write a block byte by byte, as a pipe takes it."""
    if not block.used_length:
        return
    with progress("extract", block.used_length) as moved:
        for piece in memory_pieces(block_memory(snapshot, block), 0, block.used_length):
            output.write_bytes(piece)
            if moved:
                moved(len(piece))


def chosen_blocks(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Block]:
    """The blocks with these names, or all blocks that can have pages in the file.

    Raises:
        UsageError: no block has one of the names.
        FormatError: the file ends, or cannot be parsed, before the first block.
        UnsupportedError: the stream contains devices only.
    """
    snapshot.require_blocks()
    if snapshot.stream.ended and not any(s.idstr == RAM_SECTION_IDSTR for s in snapshot.sections):
        raise UnsupportedError("the stream contains devices but no guest memory")
    for idstr in idstrs:
        if idstr not in snapshot.block:
            raise no_such("block", idstr, snapshot.block)
    if idstrs:
        return [snapshot.block[idstr] for idstr in dict.fromkeys(idstrs)]
    return [block for block in snapshot.block.values() if block.readable]


def unknown_of(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Coverage]:
    """Coverage of the blocks with these names, or of all memory."""
    if idstrs:
        return [snapshot.block[idstr].coverage for idstr in dict.fromkeys(idstrs)]
    return snapshot.coverages()


def write_blocks(
    blocks: Sequence[Block],
    places: Sequence[Path],
    moving: Moving,
    also: frozenset[int] = DEVICES,
) -> None:
    """Write each block to its path, which may be a device type of `also`; all of them, or none."""
    total = sum(map(stored_bytes, blocks))
    with (
        ended_by_signals(),
        progress("extract", total) as moved,
        StagedFiles(*(block.source.fd for block in blocks), force=moving.force) as files,
    ):
        refused = None
        for block, place in zip(blocks, places, strict=True):
            fd = files.open(place, also=also)
            refused = extract(block, fd, moving.options(moved)) or refused
    note_direct_io(refused)


def _as_dict(
    snapshot: OpenSnapshot, coverage: Coverage, written: Mapping[str, Path]
) -> dict[str, object]:
    """The result for one block; `idstr` is null for blocks without a header in the file."""
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
