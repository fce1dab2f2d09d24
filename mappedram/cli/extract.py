"""`mappedram extract`: RAM blocks as raw files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    given_memory,
    memory_option,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.partial import (
    STATUS_OF_PARTIAL,
    note_damage,
    note_unknown,
    partial_option,
    partly,
    show_unknown,
)
from mappedram.cli.status import about
from mappedram.cli.writing import (
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.errors import UnknownNameError
from mappedram.export.blocks import ChoiceError, Extracted, ExtractedBlock, extract, one_block
from mappedram.format.drivers import DriverName
from mappedram.guest.physical.dumping import memory_pieces
from mappedram.guest.physical.located import block_memory
from mappedram.io.opening import DiskImage
from mappedram.printable import printable
from mappedram.stream.coverage import NOT_LISTED, Coverage
from mappedram.view.text import size
from mappedram.view.unknown import as_dicts


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
@memory_option
@snapshot_option
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
    chosen: str | None,
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
        with about(file), usage():
            image = within(file, chosen)
            return _to_standard_output(image, idstrs, offset, driver, partial=partial)
    with about(file), ended_by_signals(), usage():
        done = extract(
            within(file, chosen),
            directory,
            out=out,
            blocks=idstrs,
            offset=offset,
            memory=given_memory(),
            driver=driver,
            channels=channels,
            direct_io=direct_io,
            force=force,
            partial=partial,
            on_damage=note_damage if partial else None,
            progress=progress,
        )
    note_direct_io(done.refused)
    return _show(done, form)


def _refuse_beside_standard_output(*, direct_io: bool, form: str) -> None:
    if direct_io or form == "json":
        raise click.UsageError("-o - cannot be used with --direct-io or --output json")
    output.refuse_terminal("-o -")


def _to_standard_output(
    file: str | DiskImage, idstrs: Sequence[str], offset: int, driver: DriverName, *, partial: bool
) -> int:
    """Write a block byte by byte, as a pipe takes it; return the exit status."""
    with partly(partial, file, offset, driver=driver) as (snapshot, _):
        block, coverages = one_block(snapshot, idstrs, partial=partial)
        if block.used_length:
            with progress("extract", block.used_length) as moved:
                for piece in memory_pieces(block_memory(snapshot, block), 0, block.used_length):
                    output.write_bytes(piece)
                    if moved:
                        moved(len(piece))
        return note_unknown(coverages)


def _show(done: Extracted, form: str) -> int:
    """Show what was written and what is unknown; return the exit status."""
    if form == "json":
        written = {block.idstr: block for block in done.blocks}
        output.write_json(_as_dict(one, written.get(one.idstr)) for one in done.coverages)
        return note_unknown(done.coverages)
    for block in done.blocks:
        output.line(
            f"{printable(str(block.path))}: {printable(block.idstr)}, {size(block.used_length)},"
            f" {size(block.stored_bytes)} of it stored"
        )
    return show_unknown(done.coverages)


@contextmanager
def usage() -> Iterator[None]:
    """Report an unknown or missing choice of a block as wrong usage."""
    try:
        yield
    except UnknownNameError as error:
        raise no_such(error.kind, str(error.name), map(str, error.known)) from error
    except ChoiceError as error:
        raise click.UsageError(f"-o: {error}; choose with -b") from error


def _as_dict(coverage: Coverage, written: ExtractedBlock | None) -> dict[str, object]:
    """The result for one block; `idstr` is null for blocks without a header in the file."""
    return {
        "idstr": None if coverage.idstr == NOT_LISTED else coverage.idstr,
        "file": str(written.path) if written else None,
        "used_length": coverage.used_length,
        "pages_present": written.pages_present if written else 0,
        "page_size": coverage.page_size,
        "unknown": list(as_dicts([coverage])),
    }
