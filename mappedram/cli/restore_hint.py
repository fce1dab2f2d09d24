"""`mappedram restore-hint`: print the commands that load a snapshot."""

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import click

from mappedram.check import Report, Severity, check
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
from mappedram.cli.partial import note_unknown
from mappedram.cli.status import CORRUPT, FINE, about
from mappedram.export.mapped_ram import lacking
from mappedram.format.drivers import DriverName
from mappedram.guest.restore import Hint, LoadOptions, hint
from mappedram.io.remote.address import is_url
from mappedram.json_types import Json
from mappedram.printable import printable
from mappedram.stream.coverage import Coverage
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view import releases
from mappedram.view.disk_image import image_of
from mappedram.view.unknown import as_dicts

_UNKNOWN_BINARY = "qemu-system-ARCH"
#: Stands for the snapshot of which a metadump is a copy.
_SNAPSHOT = "/path/of/the/snapshot"
#: Most findings to name, of a file that no QEMU loads.
_FINDINGS_MAX = 5


@click.command(
    "restore-hint",
    short_help="Print the QEMU and QMP commands that load a snapshot.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram restore-hint guest.mapped-ram\n"
        "  mappedram restore-hint --channels 4 --direct-io guest.mapped-ram\n"
        "  mappedram restore-hint --output json guest.save | jq -r .virsh\n"
        "  mappedram restore-hint --output json guest.mapped-ram | jq .not_covered",
        "Exit status:\n"
        "  0   success\n"
        "  1   the file cannot be read or parsed\n"
        "  2   corrupt: `mappedram check` finds that no QEMU loads the file with the right\n"
        "      memory; printed nevertheless with --partial\n"
        "  63  not a file that this tool handles\n"
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
    help="Print the commands even if FILE is damaged; exit with status 2.",
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
    through QMP, as the printed commands do. Each section and block of FILE is loaded into
    something that the machine type has, or that a printed option creates; the output lists the
    others as not covered. The file does not record the CPU model, disks and networks; the output
    lists these, and you add what the guest had. Loading does not change the file.

    FILE is checked first. If it is damaged, no commands are printed.
    """
    if direct_io and not channels:
        raise click.UsageError("--direct-io requires --channels")
    with about(file):
        report = check(within(file, chosen), offset)
        if report.verdict == "corrupt" and not partial:
            return _refuse(file, report, form, in_file=chosen is None and not is_url(file))
        where = _Where(file, chosen, offset)
        found, said = _found(where, LoadOptions(channels, direct_io), driver)
    said |= {"verdict": report.verdict, "releases": _loading(report)}
    if form == "json":
        output.write_json({**said, **found.to_dict()}, levels=3)
    else:
        for text in _lines(found, said, report):
            output.line(text)
    if report.verdict != "corrupt":
        return FINE
    output.note(f"{file}: damaged; QEMU does not load it as it is")
    return CORRUPT


def _refuse(file: str, report: Report, form: str, *, in_file: bool) -> int:
    """Say why there are no commands, and what helps; only a file by itself can be repaired."""
    errors = [finding for finding in report.findings if finding.severity == Severity.ERROR]
    repair = ["mappedram", "repair", file, f"{file}.repaired"] if in_file else None
    if form == "json":
        found = [finding.to_dict() for finding in errors]
        said = {"file": file, "verdict": report.verdict, "findings": found, "repair": repair}
        output.write_json(said, levels=3)
    for finding in errors[:_FINDINGS_MAX]:
        place = "" if finding.offset is None else f" (at {finding.offset:#x})"
        output.note(f"{file}: {finding.code} {finding.name}: {finding.message}{place}")
    if len(errors) > _FINDINGS_MAX:
        output.note(f"{file}: {len(errors) - _FINDINGS_MAX} more errors; see `mappedram check`")
    advice = (
        f" Repair it as far as it proves the right bytes: {printable(shlex.join(repair))}"
        if repair
        else ""
    )
    output.note(f"{file}: no QEMU loads it with the right memory.{advice}")
    return CORRUPT


class _Where(NamedTuple):
    """Where a snapshot is: the file, its name in a disk image, and the offset of its stream."""

    file: str
    chosen: str | None
    offset: int

    @property
    def path(self) -> str:
        """Full path of the file, or of a local copy of what a URL names."""
        return os.path.abspath(_base(self.file) if is_url(self.file) else self.file)


def _found(where: _Where, loading: LoadOptions, driver: DriverName) -> tuple[Hint, dict[str, Json]]:
    """The hint, and what else there is to say about the file."""
    virsh: list[Json] | None = None
    source = within(where.file, where.chosen)
    with open_any(source, where.offset, driver=driver, partial=True) as (snapshot, image):
        is_metadump = snapshot.source.packed is not None
        stream, unpack = _as_qemu_reads_it(where, snapshot)
        location = _SNAPSHOT if is_metadump else stream
        begin = 0 if unpack else snapshot.stream.offset
        contents = _SNAPSHOT if is_metadump else _source(where)
        extract = (*_options(where, snapshot), contents)
        found = hint(snapshot, location, replace(loading, contents=extract, begin=begin))
        unknown: list[Coverage] = [] if is_metadump else list(lacking(snapshot))
        in_image = image_of(snapshot.source) is not None
        if image and image.complete and not image.header.offset and not is_url(where.file):
            virsh = _virsh(contents, loading.channels, direct_io=loading.direct_io)
    note_unknown(unknown)
    return found, {
        "file": where.file,
        "metadump": is_metadump,
        "in_image": in_image,
        "virsh": virsh,
        "unpack": unpack,
        "unknown": list(as_dicts(unknown)),
    }


def _source(where: _Where) -> str:
    return where.file if is_url(where.file) else where.path


def _options(where: _Where, snapshot: OpenSnapshot) -> list[str]:
    """The options with which a verb finds the snapshot."""
    image = image_of(snapshot.source)
    chosen = [] if image is None else ["--snapshot", image[1].name]
    return [*chosen, *(["--offset", f"{where.offset:#x}"] if where.offset else [])]


def _as_qemu_reads_it(where: _Where, snapshot: OpenSnapshot) -> tuple[str, list[Json] | None]:
    """A file that QEMU can read, and the command that writes it, if it is another one."""
    packed = snapshot.source.compression or image_of(snapshot.source)
    if not packed and not is_url(where.file):
        return where.path, None
    location = f"{where.path}.stream" if packed else where.path
    form = "mapped-ram" if snapshot.stream.mapped_ram else "stream"
    options = _options(where, snapshot)
    return location, ["mappedram", "convert", "-O", form, *options, _source(where), location]


def _base(url: str) -> str:
    """Name of a local copy of what a URL names."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2]


def _loading(report: Report) -> list[Json]:
    """The releases of QEMU that load the file with the right memory."""
    return [release for release, verdict in report.qemu.items() if verdict.outcome == "loads"]


def _virsh(path: str, channels: int, *, direct_io: bool) -> list[Json]:
    """The libvirt command for a save image; it needs an absolute path (spec/errata.md, E-047)."""
    command: list[Json] = ["virsh", "restore", path]
    if channels:
        command += ["--parallel-channels", str(channels)]
    if direct_io:
        command += ["--bypass-cache"]
    return command


def _first(said: dict[str, Json]) -> Iterator[str]:
    """What the file is, and what comes before all else."""
    if said["metadump"]:
        yield f"# A metadump, which QEMU cannot load: {_SNAPSHOT} stands for its snapshot."
        yield ""
    if said["virsh"]:
        yield "# A libvirt save image; libvirt knows the guest's whole configuration:"
        yield from _command(said["virsh"])
        yield ""
        yield "# Or without libvirt:"
    if said["unpack"]:
        if said["in_image"]:
            yield "# The state is in a disk image. QEMU loads it from there with `-loadvm`, or with"
            yield "# `loadvm` on the monitor. Without that disk, take it out first:"
        else:
            yield "# QEMU can neither decompress a stream nor read a URL:"
        yield from _command(said["unpack"])
        yield ""


def _lines(found: Hint, said: dict[str, Json], report: Report) -> Iterator[str]:
    """Lines for a shell and a QMP monitor; a # begins each line of explanation."""
    yield from _first(said)
    if found.prepare:
        yield "# First, in an empty folder, in which the emulator also runs:"
        for words in found.prepare:
            yield printable(shlex.join(words))
        yield ""
    yield from _emulator(found, report)
    yield from map(printable, _shell([found.binary or _UNKNOWN_BINARY, *found.argv]))
    yield ""
    yield "# Then on the QMP monitor (standard input). The last command returns at once;"
    yield "# query-migrate reports when loading is complete. A guest saved paused needs `cont`."
    for qmp in found.qmp:
        yield json.dumps(qmp)
    yield ""
    if found.not_covered:
        yield "# Not covered: QEMU refuses the file without what these belong to:"
        for one in found.not_covered:
            yield f"#   not covered: {printable(str(one))}"
        yield ""
    yield "# Not recorded in the file; add what the guest had:"
    for unknown in found.unknowns:
        yield f"#   {unknown.topic}: {printable(unknown.text)}"


def _command(words: Json) -> Iterator[str]:
    if isinstance(words, list):
        yield printable(shlex.join(map(str, words)))


def _emulator(found: Hint, report: Report) -> Iterator[str]:
    """Which emulator, and which releases load the file."""
    guess = (
        f"the emulator is a guess from {printable(found.told_by)}"
        if found.told_by
        else "the emulator is unknown"
    )
    release = ".".join(map(str, found.release))
    yield f"# QEMU {release} or newer; {guess}."
    for line in releases.lines(report):
        yield f"# {printable(line)}"


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
