"""`mappedram convert`: a snapshot in another form."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.exporting import Export, below_4g_option, known_map, write_export
from mappedram.cli.extract import chosen_blocks, unknown_of, write_blocks
from mappedram.cli.info import stopped_as_dict
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
    size_type,
)
from mappedram.cli.partial import STATUS_OF_PARTIAL, Opening, partial_option, partly, report
from mappedram.cli.status import CORRUPT, about
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
from mappedram.export.libvirt import write_libvirt_sparse
from mappedram.export.mapped_ram import OutputLayout, lacking, lay_out
from mappedram.export.raw import stored_bytes
from mappedram.export.stream import to_stream
from mappedram.export.streaming import EarlyPages
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers import DriverName
from mappedram.io.copying import Progress as Moved
from mappedram.io.staged import DEVICES, StagedFiles
from mappedram.stream.coverage import Coverage
from mappedram.stream.libvirt import LibvirtImage
from mappedram.stream.snapshot import OpenSnapshot

#: Forms that hold memory by its physical address.
EXPORTS = ("elf", "lime", "raw")
FORMATS = (*EXPORTS, "mapped-ram", "stream", "libvirt-sparse")


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
@click.option("-O", "target_format", type=click.Choice(FORMATS), required=True, help="Target form.")
@file_argument
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "-b", "--block", "idstr", metavar="IDSTR", help="This block instead of all memory (raw)."
)
@below_4g_option
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
    target_format: str,
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
    if idstr is not None and target_format != "raw":
        raise click.UsageError("-b IDSTR goes with -O raw")
    if below_4g is not None and (target_format not in EXPORTS or idstr is not None):
        raise click.UsageError("--below-4g goes with -O elf, -O lime, and -O raw without -b")
    layout = OutputLayout(out_offset, align, sparse, dense, channels, direct_io, partial)
    moving = Moving(channels, direct_io, force, partial)
    if (xml or cookie) and target_format != "libvirt-sparse":
        raise click.UsageError("--xml and --cookie go with -O libvirt-sparse")
    opening, damaged = partly(partial, file, offset, driver=driver), None
    said = {"file": file, "format": target_format, "out": str(out), "damaged": None}
    with about(file):
        if target_format == "mapped-ram":
            unknown = _to_mapped_ram(opening, out, layout, moving)
            return report(form, said, unknown)
        with opening() as (snapshot, image):
            if target_format in EXPORTS:
                export = Export(target_format, below_4g)
                unknown = _export(snapshot, out, idstr, export, moving)
                damaged = snapshot.stream.damaged if idstr is None else None
            elif target_format == "stream":
                unknown = _to_stream(snapshot, out, moving)
            else:
                texts = _texts(image, xml, cookie)
                unknown = _to_libvirt(snapshot, out, texts, layout, moving)
    status = report(form, said | {"damaged": stopped_as_dict(damaged)}, unknown)
    if damaged:
        output.note(f"devices are not all in the file, so that addresses are a guess: {damaged}")
    return CORRUPT if damaged else status


def _export(
    snapshot: OpenSnapshot, out: Path, idstr: str | None, export: Export, moving: Moving
) -> Sequence[Coverage]:
    if idstr is not None:
        return _to_raw_block(snapshot, out, idstr, moving)
    try:
        physical = known_map(snapshot, export.below_4g)
    except UnsupportedError as error:
        if export.form != "raw":
            raise
        return _to_raw_unmapped(snapshot, out, moving, error)
    return write_export(snapshot, physical, out, export, moving)


def _to_raw_block(
    snapshot: OpenSnapshot, out: Path, idstr: str, moving: Moving
) -> Sequence[Coverage]:
    write_blocks(chosen_blocks(snapshot, [idstr]), [out], moving)
    return unknown_of(snapshot, [idstr])


def _to_raw_unmapped(
    snapshot: OpenSnapshot, out: Path, moving: Moving, reason: UnsupportedError
) -> Sequence[Coverage]:
    """Where nothing tells the addresses: the one block there is."""
    blocks = chosen_blocks(snapshot, [])
    if len(blocks) != 1:
        raise click.UsageError(
            f"{reason}; of its {len(blocks)} blocks, choose one with -b, or use"
            " `mappedram extract -d DIR`"
        )
    output.note(f"{reason}: {blocks[0].idstr!r} is written alone, from its first byte on")
    return _to_raw_block(snapshot, out, blocks[0].idstr, moving)


def _to_stream(snapshot: OpenSnapshot, out: Path, moving: Moving) -> Sequence[Coverage]:
    total = sum(block.used_length for block in snapshot.blocks if block.has_pages)
    with (
        ended_by_signals(),
        progress("convert", total) as moved,
        StagedFiles(*snapshot.source.descriptors, force=moving.force) as files,
    ):
        to_stream(
            snapshot,
            files.open(out, also=DEVICES),
            channels=moving.channels,
            partial=moving.partial,
            progress=moved,
        )
    return lacking(snapshot)


def _to_mapped_ram(
    opening: Opening, out: Path, layout: OutputLayout, moving: Moving
) -> Sequence[Coverage]:
    with (
        ended_by_signals(),
        StagedFiles(force=moving.force) as files,
        ExitStack() as stack,
    ):
        fd = files.open(out, also=DEVICES)

        def moved_of(total: int) -> Moved | None:
            return stack.enter_context(progress("convert", total))

        early = EarlyPages(fd, layout.offset, layout.align, moved_of)
        # Pages of zeros, and those that go past the page cache, take another way.
        on_pages = None if layout.drop_zero_pages or layout.direct_io else early.begin
        snapshot, _ = stack.enter_context(opening(on_pages=on_pages))
        files.made_of(*snapshot.source.descriptors)
        moved = None
        if not early.begun:
            moved = moved_of(sum(map(stored_bytes, snapshot.blocks)))
        note_direct_io(lay_out(snapshot, fd, layout, early=early, progress=moved))
        return lacking(snapshot)


@dataclass(frozen=True, slots=True)
class _Texts:
    """What a save image says of the domain besides its memory, and the files that tell it."""

    xml: str
    cookie: str | None
    was_running: bool
    files: tuple[Path, ...]


def _texts(image: LibvirtImage | None, xml: Path | None, cookie: Path | None) -> _Texts:
    """From files, else from the image that is read."""
    if xml is None and image is None:
        raise click.UsageError("-O libvirt-sparse needs --xml FILE: the snapshot is a bare one")
    own_xml, own_cookie = (image.xml, image.cookie) if image else ("", None)
    return _Texts(
        xml.read_text("utf-8", "surrogateescape") if xml else own_xml,
        cookie.read_text("utf-8", "surrogateescape") if cookie else own_cookie,
        image.was_running if image else False,
        tuple(file for file in (xml, cookie) if file),
    )


def _to_libvirt(
    snapshot: OpenSnapshot, out: Path, texts: _Texts, layout: OutputLayout, moving: Moving
) -> Sequence[Coverage]:
    total = sum(map(stored_bytes, snapshot.blocks))
    with (
        ended_by_signals(),
        progress("convert", total) as moved,
        StagedFiles(*snapshot.source.descriptors, *texts.files, force=moving.force) as files,
    ):
        refused = write_libvirt_sparse(
            snapshot,
            texts.xml,
            texts.cookie,
            files.open(out, also=DEVICES),
            was_running=texts.was_running,
            layout=layout,
            progress=moved,
        )
        note_direct_io(refused)
    return lacking(snapshot)
