"""`mappedram convert`: a snapshot in another form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.extract import usage
from mappedram.cli.info import stopped_as_dict
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
    refuse_impossible,
    size_type,
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
from mappedram.export.convert import (
    FORMS,
    PHYSICAL_FORMS,
    Converted,
    Form,
    MissingXmlError,
    convert,
)
from mappedram.export.mapped_ram import OutputLayout
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers import DriverName


@click.command(
    "convert",
    short_help="A snapshot in another form, or laid out anew.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram convert -O elf guest.mapped-ram guest.core\n"
        "  mappedram convert -O raw -b pc.ram guest.mapped-ram pc.ram.raw\n"
        "  mappedram convert -O mapped-ram --sparse guest.mapped-ram smaller.mapped-ram\n"
        "  mappedram convert -O mapped-ram --offset 0x1239 guest.save bare.mapped-ram",
        STATUS_OF_PARTIAL,
    ),
)
@click.option("-O", "target_format", type=click.Choice(FORMS), required=True, help="Target form.")
@file_argument
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "-b", "--block", "idstr", metavar="IDSTR", help="This block instead of all memory (raw)."
)
@click.option(
    "--below-4g",
    type=size_type,
    metavar="N",
    help="How much of RAM lies below 4 GiB, where the file does not tell (elf, lime, raw).",
)
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
@click.option(
    "--xml",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="XML of the domain, as `virsh dumpxml --migratable --security-info` shows it"
    " (libvirt-sparse).  [default: that of FILE]",
)
@click.option(
    "--cookie",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Cookie, as `mappedram info` shows it (libvirt-sparse).  [default: that of FILE]",
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
    """Write the snapshot FILE in another form to OUT.

    elf: guest memory and registers as an ELF core, which crash, drgn, gdb, makedumpfile and
    Volatility open. lime: guest memory as the LiME module writes it. raw: the guest's RAM, each
    byte at its physical address; with -b one RAM block, of which `mappedram extract` writes
    several.

    mapped-ram: the same snapshot laid out anew, with the same RAM and devices; stale bytes of
    pages that turned zero are left behind. stream: without mapped-ram, for a destination that has
    the capability off. libvirt-sparse: a save image, which `virsh restore` takes.

    FILE may be with mapped-ram or without, bare or a save image of libvirt in any of its formats.
    Where it does not tell what pages hold, nothing is written without --partial.
    """
    _refuse_misplaced(target_format, idstr, below_4g, texts=bool(xml or cookie))
    with about(file), ended_by_signals(), usage(), _xml_needed():
        done = convert(
            file,
            out,
            target_format,
            block=idstr,
            below_4g=below_4g,
            offset=offset,
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
    """Refuse options that go with another form."""
    if idstr is not None and target_format != "raw":
        raise click.UsageError("-b IDSTR goes with -O raw")
    if below_4g is not None and (target_format not in PHYSICAL_FORMS or idstr is not None):
        raise click.UsageError("--below-4g goes with -O elf, -O lime, and -O raw without -b")
    refuse_impossible(below_4g)
    if texts and target_format != "libvirt-sparse":
        raise click.UsageError("--xml and --cookie go with -O libvirt-sparse")


def _show(done: Converted, file: str, form: str) -> int:
    """Say what was written and what is unknown; return the exit status."""
    for note in done.notes:
        output.note(note)
    note_direct_io(done.refused)
    damaged = done.damaged
    said = {"file": file, "format": done.form, "out": str(done.path)}
    status = report(form, said | {"damaged": stopped_as_dict(damaged)}, done.unknown)
    if damaged:
        output.note(f"devices are not all in the file, so that addresses are a guess: {damaged}")
    return CORRUPT if damaged else status


@contextmanager
def _xml_needed() -> Iterator[None]:
    try:
        yield
    except MissingXmlError as error:
        raise click.UsageError(
            "-O libvirt-sparse needs --xml FILE: the snapshot is a bare one"
        ) from error


def _text(path: Path | None) -> str | None:
    return path.read_text("utf-8", "surrogateescape") if path else None
