"""`mappedram convert`: a snapshot in another form."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_blocks
from mappedram.cli.exporting import Export, below_4g_option, known_map, write_export
from mappedram.cli.extract import chosen_blocks, unknown_of, write_blocks
from mappedram.cli.info import stopped_as_dict
from mappedram.cli.options import (
    OutPath,
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
from mappedram.stream.reader import PageTaker
from mappedram.stream.snapshot import OpenSnapshot

#: Forms that hold memory by its physical address.
EXPORTS = ("elf", "lime", "raw")
FORMATS = (*EXPORTS, "mapped-ram", "stream", "libvirt-sparse")


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
@click.option(
    "-O", "target_format", type=click.Choice(FORMATS), required=True, help="Output format."
)
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
@below_4g_option
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
    layout = OutputLayout(out_offset, align, sparse, dense, channels, direct_io, partial)
    moving = Moving(channels, direct_io, force, partial)
    opening, damaged = partly(partial, file, offset, driver=driver), None
    said = {"file": file, "format": target_format, "out": str(out), "damaged": None}
    with about(file):
        if target_format == "mapped-ram":
            return report(form, said, _to_mapped_ram(opening, out, layout, moving))
        with opening() as (snapshot, image):
            if target_format in EXPORTS:
                unknown = _export(snapshot, out, idstr, Export(target_format, below_4g), moving)
                damaged = snapshot.stream.damaged if idstr is None else None
            elif target_format == "stream":
                unknown = _to_stream(snapshot, out, moving)
            else:
                unknown = _to_libvirt(snapshot, out, _texts(image, xml, cookie), layout, moving)
    status = report(form, said | {"damaged": stopped_as_dict(damaged)}, unknown)
    if damaged:
        output.note(f"the file lacks some devices, so the addresses are a guess: {damaged}")
    return CORRUPT if damaged else status


def _refuse_misplaced(
    target_format: str, idstr: str | None, below_4g: int | None, *, texts: bool
) -> None:
    """Refuse options that require another format."""
    if idstr is not None and target_format != "raw":
        raise click.UsageError("-b IDSTR requires -O raw")
    if below_4g is not None and (target_format not in EXPORTS or idstr is not None):
        raise click.UsageError("--below-4g requires -O elf, -O lime, or -O raw without -b")
    if texts and target_format != "libvirt-sparse":
        raise click.UsageError("--xml and --cookie require -O libvirt-sparse")


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
    """Write the only block, if the addresses are unknown."""
    blocks = chosen_blocks(snapshot, [])
    if len(blocks) != 1:
        raise click.UsageError(
            f"{reason}; choose one of the {len(blocks)} blocks with -b, or use"
            " `mappedram extract -d DIR`"
        )
    output.note(f"{reason}: writing only block {blocks[0].idstr!r}, from its first byte")
    return _to_raw_block(snapshot, out, blocks[0].idstr, moving)


def _to_stream(snapshot: OpenSnapshot, out: Path, moving: Moving) -> Sequence[Coverage]:
    total = sum(block.used_length for block in snapshot.blocks if block.has_pages)
    with (
        ended_by_signals(),
        progress("convert", total) as moved,
        StagedFiles(snapshot.source.fd, force=moving.force) as files,
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

        # Dropping zero pages and O_DIRECT need another code path.
        def begin(read: OpenSnapshot, page_size: int) -> PageTaker | None:
            _refuse_align(layout.align, page_size)
            return early.begin(read, page_size)

        on_pages = None if layout.drop_zero_pages or layout.direct_io else begin
        snapshot, _ = stack.enter_context(opening(on_pages=on_pages))
        _refuse_align(layout.align, snapshot.stream.page_size or 1)
        files.made_of(snapshot.source.fd)
        moved = None
        if not early.begun:
            moved = moved_of(sum(map(stored_bytes, snapshot.blocks)))
        note_direct_io(lay_out(snapshot, fd, layout, early=early, progress=moved))
        return lacking(snapshot)


def _refuse_align(align: int, page_size: int) -> None:
    """Refuse an alignment at which no page can stand."""
    if align < page_size or align % page_size:
        raise click.UsageError(
            f"--align {align:#x}: expected a multiple of the page size, {page_size:#x}"
        )


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a save image, and the files that they were read from."""

    xml: str
    cookie: str | None
    was_running: bool
    files: tuple[Path, ...]


def _texts(image: LibvirtImage | None, xml: Path | None, cookie: Path | None) -> _Texts:
    """Texts from the given files, else from the input image."""
    if xml is None and image is None:
        raise click.UsageError("-O libvirt-sparse requires --xml: the input has no domain XML")
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
        StagedFiles(snapshot.source.fd, *texts.files, force=moving.force) as files,
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
