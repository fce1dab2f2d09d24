"""`mappedram metadump`: write structure and device state of a snapshot, without guest memory."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import click

from mappedram.cli import output
from mappedram.cli.options import (
    OutPath,
    epilog,
    file_argument,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.status import FINE, about
from mappedram.cli.writing import ended_by_signals, force_option, progress
from mappedram.errors import BuildError
from mappedram.export.metadump import (
    MetadumpPlan,
    Options,
    Policy,
    WrittenMetadump,
    key_of,
    plan,
    summary_of,
    write_packed,
    write_unpacked,
)
from mappedram.export.metadump.policy import StateChoice
from mappedram.export.metadump.verify import VerdictComparison, compare
from mappedram.io import system
from mappedram.io.opening import open_file, open_source
from mappedram.io.source import Source
from mappedram.io.staged import StagedFiles
from mappedram.printable import plural, printable
from mappedram.version import __version__
from mappedram.view.text import size

_TEXTS = {"domain_xml": "domain XML", "cookie": "cookie", "uuid": "UUID"}


@dataclass(frozen=True)
class _Done:
    """The result of writing a metadump.

    Attributes:
        out: path of the metadump.
        todo: the plan: data to keep and to leave out.
        written: amounts that were written.
        judged: reports of `check` on the metadump and on the snapshot.
        taken: size of the metadump in bytes.
    """

    out: Path
    todo: MetadumpPlan
    written: WrittenMetadump
    judged: VerdictComparison
    taken: int


@click.command(
    "metadump",
    short_help="Write a copy without guest memory, for a bug report.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram metadump guest.mapped-ram guest.metadump\n"
        "  mappedram check guest.metadump\n"
        "  mappedram metadump --state all --blank 'tpm*:*' guest.save guest.metadump\n"
        "  mappedram metadump --hash-key my.key guest.mapped-ram guest.metadump\n"
        "  mappedram metadump --unpacked guest.metadump guest.sparse",
        "Bytes that the parser does not recognise as structure are left out;\n"
        "docs/metadump.md describes the contents of a metadump.",
        "Exit status:\n"
        "  0   the metadump was written\n"
        "  1   the tool could not finish; nothing was written\n"
        "  63  not a file that this tool handles\n"
        "  64  usage error",
    ),
)
@file_argument
@click.argument("out", type=OutPath(), metavar="OUT")
@click.option(
    "--pages",
    type=click.Choice(["none", "hash"]),
    help="Replace each page with nothing, or with a keyed hash that shows which pages are equal.  "
    "[default: none]",
)
@click.option(
    "--hash-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEYFILE",
    help="Key of the hashes; implies --pages hash. The pages of two metadumps with the same key can"
    " be compared.  [default: random, not stored]",
)
@click.option(
    "--state",
    type=click.Choice(["none", "default", "all"]),
    default="default",
    show_default=True,
    help="Device state to keep: none, the fields that cannot hold guest data, or all.",
)
@click.option(
    "--blank",
    multiple=True,
    metavar="DEVICE:FIELD",
    help="Leave out these fields too; * and ? are wildcards. Takes precedence over --keep.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="DEVICE:FIELD",
    help="Keep these fields, whatever --state says.",
)
@click.option(
    "--names",
    is_flag=True,
    help="Keep names, UUIDs and paths of the guest: its UUID, and the domain XML except for"
    " passwords.",
)
@click.option(
    "--unpacked",
    is_flag=True,
    help="Write a sparse file with the offsets of FILE, for other programs. It takes as much disk"
    " space as FILE.",
)
@snapshot_option
@offset_option
@force_option
@output_option
def command(
    file: str,
    out: Path,
    pages: Literal["none", "hash"] | None,
    hash_key: Path | None,
    state: StateChoice,
    blank: tuple[str, ...],
    keep: tuple[str, ...],
    names: bool,
    unpacked: bool,
    chosen: str | None,
    offset: int,
    force: bool,
    form: str,
) -> int:
    """Write a small copy of the snapshot FILE without guest memory to OUT.

    OUT keeps headers, bitmaps, the JSON description and harmless device fields, but no pages. The
    commands that need only structure read OUT like FILE, and `check` reports the same findings for
    both. FILE may be damaged.
    """
    if hash_key and pages == "none":
        raise click.UsageError("--hash-key requires --pages hash")
    options = _options(_policy(state, blank, keep), names, pages, hash_key)
    with about(file), ended_by_signals(), open_source(within(file, chosen)) as source:
        todo = plan(source, offset, options)
        done = _write(source, offset, todo, out, unpacked=unpacked, force=force)
    if form == "json":
        output.write_json(_as_dict(file, done), levels=3)
    else:
        for line in _lines(done):
            output.line(line)
    if not done.judged.same_findings:
        output.note(f"{out}: `check` reports other findings than for {file}")
    return FINE


def _write(
    source: Source, offset: int, todo: MetadumpPlan, out: Path, *, unpacked: bool, force: bool
) -> _Done:
    """Write the metadump, and compare it with the snapshot."""
    with (
        progress("metadump", source.allocated) as moved,
        StagedFiles(*source.descriptors, force=force) as files,
    ):
        fd = files.open(out)
        made = {"made_by": f"mappedram {__version__}"}
        if unpacked:
            with TemporaryFile() as packed:
                written = write_packed(todo, packed.fileno(), about=made, progress=moved)
                write_unpacked(open_file(packed.fileno()), fd)
        else:
            written = write_packed(todo, fd, about=made, progress=moved)
        judged = compare(source, fd, offset)
        taken = system.allocated_size(fd) if unpacked else system.size_of(fd)
    return _Done(out, todo, written, judged, taken)


def _policy(state: StateChoice, blank: tuple[str, ...], keep: tuple[str, ...]) -> Policy:
    try:
        return Policy.of(state, blank, keep)
    except BuildError as error:
        raise click.UsageError(str(error)) from None


def _options(
    policy: Policy, names: bool, pages: Literal["none", "hash"] | None, hash_key: Path | None
) -> Options:
    key = None
    if hash_key:
        with about(str(hash_key)):
            key = key_of(hash_key.read_bytes())
    elif pages == "hash":
        key = secrets.token_bytes(32)
    return Options(policy, names, key)


# JSON.


def _as_dict(file: str, done: _Done) -> dict[str, Any]:
    return {
        "file": file,
        "result": str(done.out),
        "result_size": done.taken,
        **done.written.to_dict(),
        **summary_of(done.todo),
        "verdict": done.judged.report.verdict,
        "same_findings": done.judged.same_findings,
        "same_verdicts": done.judged.same_verdicts,
    }


# Human-readable output.


def _lines(done: _Done) -> Iterator[str]:
    todo, written, judged = done.todo, done.written, done.judged
    same = "the same findings" if judged.same_findings else "different findings"
    yield (
        f"{printable(str(done.out))}: {size(done.taken)} for {size(written.size)};"
        f" `check` reports {same} for both: {judged.report.verdict}"
    )
    state_kept = sum(device.kept for device in todo.devices)
    yield f"  kept      {size(written.kept)}, including {size(state_kept)} of device state"
    stand_in = f", {written.digests} hashes" if written.digests else ""
    if written.marks:
        stand_in = f", {written.marks} marked as not zero"
    yield f"  left out  {size(written.in_pages)} of pages{stand_in}"
    fields = sum(len(device.blanked) for device in todo.devices)
    if fields:
        blanked = sum(sum(device.blanked.values()) for device in todo.devices)
        yield f"            {size(blanked)} of device state in {plural(fields, 'field')}"
    for name, count in todo.hidden.items():
        if count:
            yield f"            {size(count)} of the {_TEXTS[name]}"
    if not judged.same_verdicts:
        yield "  QEMU's result may differ: it reads bytes that were left out"
