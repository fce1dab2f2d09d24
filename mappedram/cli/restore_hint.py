"""`mappedram restore-hint`: the commands that load a snapshot, and what the file cannot tell."""

import json
import os
import shlex
from collections.abc import Iterator, Sequence

import click

from mappedram.cli import output
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
)
from mappedram.cli.partial import as_dicts, note_unknown
from mappedram.cli.status import about
from mappedram.export.mapped_ram import lacking, refuse_cut
from mappedram.format.drivers import DriverName
from mappedram.guest.restore import Hint, LoadOptions, hint
from mappedram.printable import printable
from mappedram.stream.libvirt import open_any

_UNKNOWN_BINARY = "qemu-system-ARCH"


@click.command(
    "restore-hint",
    short_help="The commands that load a snapshot, and what the file cannot tell.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram restore-hint guest.mapped-ram\n"
        "  mappedram restore-hint --channels 4 --direct-io guest.mapped-ram\n"
        "  mappedram restore-hint --output json guest.save | jq -r .virsh",
        "Exit status:\n"
        "  0   done\n"
        "  1   the file cannot be read or followed, or does not tell all of memory\n"
        "  2   printed with --partial, though it does not\n"
        "  63  not a file that this tool handles, or one that no QEMU loads\n"
        "  64  wrong usage",
    ),
)
@file_argument
@offset_option
@click.option(
    "--channels",
    type=click.IntRange(0, 255),
    default=0,
    metavar="N",
    help="Let QEMU read pages with N threads (multifd); the file does not have to be written so."
    "  [default: none]",
)
@click.option(
    "--direct-io", is_flag=True, help="Let QEMU read past the page cache; takes --channels."
)
@driver_option
@click.option(
    "--partial", is_flag=True, help="Print it even if FILE does not tell all; end with status 2."
)
@output_option
def command(
    file: str,
    offset: int,
    channels: int,
    direct_io: bool,
    driver: DriverName,
    partial: bool,
    form: str,
) -> int:
    """Print how the snapshot FILE is loaded: QEMU's command line, and what to type on its monitor.

    `-incoming file:FILE` can never load such a file: the capability mapped-ram has to be turned on
    before, on the QMP monitor, which is what the printed commands do. What the file cannot tell -
    the CPU, the firmware, disks and networks - is listed; add what the guest had. Loading does not
    change the file.
    """
    if direct_io and not channels:
        raise click.UsageError("--direct-io goes with --channels")
    path = os.path.abspath(file)
    unpack = virsh = None
    with (
        about(file),
        open_any(file, offset, driver=driver, partial=True) as (snapshot, image),
    ):
        unknown = lacking(snapshot)
        if not partial:
            refuse_cut(snapshot)
        stream = path
        if snapshot.source.compression:
            stream = f"{path}.stream"
            unpack = _unpack(path, stream, mapped_ram=snapshot.stream.mapped_ram)
        found = hint(snapshot.stream, stream, LoadOptions(channels, direct_io))
    if image and image.complete and not image.header.offset:
        virsh = _virsh(path, channels, direct_io=direct_io)
    if form == "json":
        said = {"file": file, "virsh": virsh, "unpack": unpack, "unknown": as_dicts(unknown)}
        output.write_json(said | found.to_dict(), levels=3)
    else:
        for text in _lines(found, virsh, unpack):
            output.line(text)
    return note_unknown(unknown)


def _virsh(path: str, channels: int, *, direct_io: bool) -> list[str]:
    """How libvirt restores its own image; relative paths it loses (spec/errata.md, E-047)."""
    command = ["virsh", "restore", path]
    if channels:
        command += ["--parallel-channels", str(channels)]
    if direct_io:
        command += ["--bypass-cache"]
    return command


def _unpack(path: str, stream: str, *, mapped_ram: bool) -> list[str]:
    """How the stream is got out of a file that has it compressed."""
    return ["mappedram", "convert", "-O", "mapped-ram" if mapped_ram else "stream", path, stream]


def _lines(found: Hint, virsh: Sequence[str] | None, unpack: Sequence[str] | None) -> Iterator[str]:
    """A text that a shell and a monitor take: all that is for people stands behind a #."""
    if virsh:
        yield "# A save image of libvirt, which knows all of the guest:"
        yield printable(shlex.join(virsh))
        yield ""
        yield "# Or without libvirt:"
    if unpack:
        yield "# QEMU cannot decompress the stream:"
        yield printable(shlex.join(unpack))
        yield ""
    release = ".".join(map(str, found.release))
    guess = (
        f"which emulator is a guess from {printable(found.told_by)}"
        if found.told_by
        else "which emulator, nothing tells"
    )
    yield f"# QEMU {release} or newer; {guess}."
    yield from map(printable, _shell([found.binary or _UNKNOWN_BINARY, *found.argv]))
    yield ""
    yield "# Then on the QMP monitor, which is the standard input; the last answer comes at once,"
    yield "# and query-migrate says when all is loaded. A guest that was saved paused needs `cont`."
    for qmp in found.qmp:
        yield json.dumps(qmp)
    yield ""
    yield "# What the file cannot tell, and has to be added as the guest had it:"
    for unknown in found.unknowns:
        yield f"#   {unknown.topic}: {printable(unknown.text)}"


def _shell(argv: Sequence[str]) -> Iterator[str]:
    """The command, an option with its value on each line."""
    line = shlex.quote(argv[0])
    for word in argv[1:]:
        if word.startswith("-"):
            yield f"{line} \\"
            line = f"    {shlex.quote(word)}"
        else:
            line += f" {shlex.quote(word)}"
    yield line
