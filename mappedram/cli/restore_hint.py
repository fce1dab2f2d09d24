"""`mappedram restore-hint`: print the commands that load a snapshot."""

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from mappedram.cli import output
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.partial import as_dicts, note_unknown
from mappedram.cli.status import about
from mappedram.export.mapped_ram import lacking, refuse_cut
from mappedram.format.drivers import DriverName
from mappedram.guest.restore import Hint, LoadOptions, hint
from mappedram.io.remote.address import is_url
from mappedram.printable import printable
from mappedram.stream.libvirt import open_any
from mappedram.view.disk_image import image_of

_UNKNOWN_BINARY = "qemu-system-ARCH"


@click.command(
    "restore-hint",
    short_help="Print the QEMU and QMP commands that load a snapshot.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram restore-hint guest.mapped-ram\n"
        "  mappedram restore-hint --channels 4 --direct-io guest.mapped-ram\n"
        "  mappedram restore-hint --output json guest.save | jq -r .virsh",
        "Exit status:\n"
        "  0   success\n"
        "  1   the file cannot be read or parsed, or lacks part of memory\n"
        "  2   printed with --partial; the file lacks part of memory\n"
        "  63  not a file that this tool handles, or one that no QEMU loads\n"
        "  64  usage error",
    ),
)
@file_argument
@snapshot_option
@offset_option
@click.option(
    "--channels",
    type=click.IntRange(0, 255),
    default=0,
    metavar="N",
    help="Let QEMU read pages with N threads (multifd), whether or not multifd wrote the file."
    "  [default: none]",
)
@click.option(
    "--direct-io", is_flag=True, help="Let QEMU bypass the page cache; requires --channels."
)
@driver_option
@click.option(
    "--partial",
    is_flag=True,
    help="Print the commands even if FILE lacks part of memory; exit with status 2.",
)
@output_option
def command(
    file: str,
    chosen: str | None,
    offset: int,
    channels: int,
    direct_io: bool,
    driver: DriverName,
    partial: bool,
    form: str,
) -> int:
    """Print the commands that load the snapshot FILE: QEMU's command line, and QMP commands.

    `-incoming file:FILE` cannot load such a file: the capability mapped-ram must be enabled first,
    through QMP, as the printed commands do. The file does not record the CPU model, firmware,
    disks and networks; the output lists these, and you add what the guest had. Loading does not
    change the file.
    """
    if direct_io and not channels:
        raise click.UsageError("--direct-io requires --channels")
    path = os.path.abspath(_base(file) if is_url(file) else file)
    unpack = virsh = None
    with (
        about(file),
        open_any(within(file, chosen), offset, driver=driver, partial=True) as (snapshot, image),
    ):
        unknown = lacking(snapshot)
        if not partial:
            refuse_cut(snapshot)
        stream, location = snapshot.stream, path
        image_in = image_of(snapshot.source)
        if snapshot.source.compression or image_in or is_url(file):
            location = f"{path}.stream" if snapshot.source.compression or image_in else path
            source = file if is_url(file) else path
            name = image_in and image_in[1].name
            unpack = _unpack(source, location, name, mapped_ram=stream.mapped_ram)
            stream = replace(stream, offset=0)
        found = hint(stream, location, LoadOptions(channels, direct_io))
    if image and image.complete and not image.header.offset and not is_url(file):
        virsh = _virsh(path, channels, direct_io=direct_io)
    if form == "json":
        said = {"file": file, "virsh": virsh, "unpack": unpack, "unknown": as_dicts(unknown)}
        output.write_json(said | found.to_dict(), levels=3)
    else:
        for text in _lines(found, virsh, unpack, in_image=image_in is not None):
            output.line(text)
    return note_unknown(unknown)


def _base(url: str) -> str:
    """Name of a local copy of what a URL names."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2]


def _virsh(path: str, channels: int, *, direct_io: bool) -> list[str]:
    """The libvirt command for a save image; it needs an absolute path (spec/errata.md, E-047)."""
    command = ["virsh", "restore", path]
    if channels:
        command += ["--parallel-channels", str(channels)]
    if direct_io:
        command += ["--bypass-cache"]
    return command


def _unpack(file: str, stream: str, snapshot: str | None, *, mapped_ram: bool | None) -> list[str]:
    """The command that writes a stream to a local file: one that QEMU cannot read where it is."""
    form = "mapped-ram" if mapped_ram else "stream"
    chosen = [] if snapshot is None else ["--snapshot", snapshot]
    return ["mappedram", "convert", "-O", form, *chosen, file, stream]


def _lines(
    found: Hint, virsh: Sequence[str] | None, unpack: Sequence[str] | None, *, in_image: bool
) -> Iterator[str]:
    """Lines for a shell and a QMP monitor; a # begins each line of explanation."""
    if virsh:
        yield "# A libvirt save image; libvirt knows the guest's whole configuration:"
        yield printable(shlex.join(virsh))
        yield ""
        yield "# Or without libvirt:"
    if unpack:
        if in_image:
            yield "# The state is in a disk image. QEMU loads it from there with `-loadvm`, or with"
            yield "# `loadvm` on the monitor. Without that disk, take it out first:"
        else:
            yield "# QEMU can neither decompress a stream nor read a URL:"
        yield printable(shlex.join(unpack))
        yield ""
    release = ".".join(map(str, found.release))
    guess = (
        f"the emulator is a guess from {printable(found.told_by)}"
        if found.told_by
        else "the emulator is unknown"
    )
    yield f"# QEMU {release} or newer; {guess}."
    yield from map(printable, _shell([found.binary or _UNKNOWN_BINARY, *found.argv]))
    yield ""
    yield "# Then on the QMP monitor (standard input). The last command returns at once;"
    yield "# query-migrate reports when loading is complete. A guest saved paused needs `cont`."
    for qmp in found.qmp:
        yield json.dumps(qmp)
    yield ""
    yield "# Not recorded in the file; add what the guest had:"
    for unknown in found.unknowns:
        yield f"#   {unknown.topic}: {printable(unknown.text)}"


def _shell(argv: Sequence[str]) -> Iterator[str]:
    """The command, with one option and its value per line."""
    line = shlex.quote(argv[0])
    for word in argv[1:]:
        if word.startswith("-"):
            yield f"{line} \\"
            line = f"    {shlex.quote(word)}"
        else:
            line += f" {shlex.quote(word)}"
    yield line
