"""`mappedram convert`: a snapshot in another form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_blocks
from mappedram.cli.extract import usage
from mappedram.cli.options import (
    OutPath,
    driver_option,
    epilog,
    file_argument,
    given_memory,
    memory_option,
    offset_option,
    output_option,
    refuse_impossible,
    size_type,
    snapshot_option,
    within,
)
from mappedram.cli.partial import STATUS_OF_PARTIAL, note_damage, partial_option, report
from mappedram.cli.status import CORRUPT, about
from mappedram.cli.writing import (
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.export.blocks import ChoiceError
from mappedram.export.convert import (
    FORMS,
    PHYSICAL_FORMS,
    AlignError,
    Converted,
    Form,
    LengthsError,
    MissingXmlError,
    convert,
)
from mappedram.export.mapped_ram import OutputLayout
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers import DriverName
from mappedram.view.info import stopped_as_dict

#: The longest vector registers have 2048 bits.
_DIGITS = 4


def _numbers(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """The numbers of a list."""
    if text is None:
        return None
    numbers = text.split(",")
    if not all(one.isascii() and one.isdigit() and len(one) <= _DIGITS for one in numbers):
        raise click.BadParameter(
            f"{text!r}: expected numbers of bits, as 128,256,512", param=parameter
        )
    return tuple(map(int, numbers))


# long: a parameter for each option, twice
@click.command(
    "convert",
    short_help="Convert a snapshot: ELF core, LiME, raw, mapped-ram, stream, libvirt.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram convert -O elf guest.mapped-ram guest.core\n"
        "  mappedram convert -O raw -b pc.ram guest.mapped-ram pc.ram.raw\n"
        "  mappedram convert -O mapped-ram --sparse guest.mapped-ram smaller.mapped-ram\n"
        "  mappedram convert -O mapped-ram --offset 0x1239 guest.save bare.mapped-ram",
        STATUS_OF_PARTIAL,
    ),
)
@click.option("-O", "target_format", type=click.Choice(FORMS), required=True, help="Output format.")
@file_argument
@click.argument("out", type=OutPath(), metavar="OUT")
@click.option(
    "-b",
    "--block",
    "idstr",
    metavar="IDSTR",
    shell_complete=complete_blocks,
    help="Write only this block (raw).",
)
@click.option(
    "--below-4g",
    type=size_type,
    metavar="N",
    help="Size of main memory below 4 GiB (elf, lime, raw). Overrides the file.",
)
@click.option(
    "--vector-lengths",
    metavar="BITS,...",
    callback=_numbers,
    help="Lengths of the vector registers (SVE) that the guest's ARM CPUs can have, such as"
    " 128,256,512 (elf). No snapshot records them, and without them there is no NT_ARM_SVE note.",
)
@memory_option
@snapshot_option
@offset_option
@click.option(
    "--out-offset",
    type=size_type,
    default="0",
    metavar="N",
    help="Offset of the stream in OUT (mapped-ram).  [default: 0]",
)
@click.option(
    "--align",
    type=size_type,
    default=str(MAPPED_RAM_FILE_OFFSET_ALIGNMENT),
    metavar="N",
    help="Alignment of pages_offset (mapped-ram).  [default: 1M, as in QEMU]",
)
@click.option("--sparse", is_flag=True, help="Leave out stored pages of zeros (mapped-ram).")
@click.option("--dense", is_flag=True, help="Fill the holes of OUT with zeros (mapped-ram).")
@click.option(
    "--xml",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Domain XML, as `virsh dumpxml --migratable --security-info` prints it (libvirt-sparse)."
    "  [default: the XML in the input]",
)
@click.option(
    "--cookie",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Cookie, as `mappedram info` prints it (libvirt-sparse).  [default: the cookie in the"
    " input]",
)
@driver_option
@channels_option
@direct_io_option
@force_option
@partial_option
@output_option
def command(
    target_format: Form,
    file: str,
    out: Path,
    idstr: str | None,
    below_4g: int | None,
    vector_lengths: tuple[int, ...] | None,
    chosen: str | None,
    offset: int,
    out_offset: int,
    align: int,
    sparse: bool,
    dense: bool,
    xml: Path | None,
    cookie: Path | None,
    driver: DriverName,
    channels: int,
    direct_io: bool,
    force: bool,
    partial: bool,
    form: str,
) -> int:
    """Convert the snapshot FILE to another format and write it to OUT.

    elf: an ELF core with guest memory and registers, for crash, drgn, gdb, makedumpfile and
    Volatility. lime: guest memory in the format of the LiME module. raw: the guest's RAM, each
    byte at its physical address; with -b, one RAM block (`mappedram extract` writes several).

    mapped-ram: a new layout of the same RAM and devices; stale bytes of pages that turned zero are
    dropped. stream: a stream without mapped-ram, for a destination with the capability disabled.
    libvirt-sparse: a save image for `virsh restore`.

    FILE is a stream with or without mapped-ram, or a libvirt save image in any of its formats. If
    it lacks the contents of some pages, nothing is written without --partial.
    """
    _refuse_misplaced(target_format, idstr, below_4g, texts=bool(xml or cookie))
    with about(file), ended_by_signals(), usage(), _refused_arguments():
        done = convert(
            within(file, chosen),
            out,
            target_format,
            block=idstr,
            below_4g=below_4g,
            vector_lengths=vector_lengths,
            offset=offset,
            memory=given_memory(),
            xml=_text(xml),
            cookie=_text(cookie),
            layout=OutputLayout(out_offset, align, sparse, dense, channels, direct_io, partial),
            driver=driver,
            force=force,
            sources=tuple(one for one in (xml, cookie) if one),
            on_damage=note_damage if partial else None,
            progress=progress,
        )
    return _show(done, file, form)


def _refuse_misplaced(
    target_format: Form, idstr: str | None, below_4g: int | None, *, texts: bool
) -> None:
    """Refuse options that require another format."""
    if idstr is not None and target_format != "raw":
        raise click.UsageError("-b IDSTR requires -O raw")
    if below_4g is not None and (target_format not in PHYSICAL_FORMS or idstr is not None):
        raise click.UsageError("--below-4g requires -O elf, -O lime, or -O raw without -b")
    refuse_impossible(below_4g)
    if texts and target_format != "libvirt-sparse":
        raise click.UsageError("--xml and --cookie require -O libvirt-sparse")


def _show(done: Converted, file: str, form: str) -> int:
    """Say what was written and what is unknown; return the exit status."""
    for note in done.notes:
        output.note(note)
    note_direct_io(done.refused)
    damaged = done.damaged
    said = {"file": file, "format": done.form, "out": str(done.path)}
    status = report(form, said | {"damaged": stopped_as_dict(damaged)}, done.unknown)
    if damaged:
        output.note(f"the file lacks some devices, so the addresses are a guess: {damaged}")
    return CORRUPT if damaged else status


@contextmanager
def _refused_arguments() -> Iterator[None]:
    """Report arguments that do not fit the snapshot as wrong usage of their options."""
    try:
        yield
    except MissingXmlError as error:
        raise click.UsageError(
            "-O libvirt-sparse requires --xml: the input has no domain XML"
        ) from error
    except ChoiceError as error:
        raise click.UsageError(f"{error} with -b, or use `mappedram extract -d DIR`") from error
    except AlignError as error:
        raise click.UsageError(f"--{error}") from error
    except LengthsError as error:
        raise click.UsageError(
            f"--vector-lengths{str(error).removeprefix('vector_lengths')}"
        ) from error


def _text(path: Path | None) -> str | None:
    return path.read_text("utf-8", "surrogateescape") if path else None
