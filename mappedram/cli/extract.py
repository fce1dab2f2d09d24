"""`mappedram extract`: RAM blocks as raw files."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    note_damage,
    note_unknown,
    partial_option,
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
from mappedram.export.blocks import ChoiceError, Extracted, ExtractedBlock, extract
from mappedram.format.drivers import DriverName
from mappedram.printable import printable
from mappedram.stream.coverage import NOT_LISTED, Coverage
from mappedram.view.text import size


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
    with about(file), ended_by_signals(), usage():
        done = extract(
            file,
            directory,
            out=out,
            blocks=idstrs,
            offset=offset,
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


def _show(done: Extracted, form: str) -> int:
    """Say what was written and what is unknown; return the exit status."""
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
        known = ", ".join(printable(str(name)) for name in error.known)
        raise click.UsageError(
            f"no block {error.name!r} in the snapshot; it has {known}"
        ) from error
    except ChoiceError as error:
        raise click.UsageError(f"{error}; choose one with -b") from error


def _as_dict(coverage: Coverage, written: ExtractedBlock | None) -> dict[str, object]:
    """What became of one block; of those whose headers are not in the file, `idstr` is null."""
    return {
        "idstr": None if coverage.idstr == NOT_LISTED else coverage.idstr,
        "file": str(written.path) if written else None,
        "used_length": coverage.used_length,
        "pages_present": written.pages_present if written else 0,
        "page_size": coverage.page_size,
        "unknown": list(as_dicts([coverage])),
    }
