"""`mappedram repair`: repair a damaged snapshot from redundant data in the file."""

from collections.abc import Iterator
from pathlib import Path

import click

from mappedram.check import Finding, Severity
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
from mappedram.cli.status import UNFINISHED, FailureError, about
from mappedram.cli.writing import ended_by_signals, force_option, progress
from mappedram.io.remote.address import is_url
from mappedram.json_types import Json
from mappedram.printable import plural, printable
from mappedram.repair import REPAIRS, Change, Repaired, repair

_NAME_WIDTH = max(len(repair.name) for repair in REPAIRS)
_PROOFS = {repair.name: repair.proof for repair in REPAIRS}


@click.command(
    "repair",
    short_help="Repair a damaged snapshot where the file itself proves the right value.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram repair --dry-run guest.mapped-ram\n"
        "  mappedram repair guest.mapped-ram repaired.mapped-ram\n"
        "  mappedram repair --in-place --output json guest.save",
        "Repairs:\n" + "\n".join(f"  {repair.name}" for repair in REPAIRS),
        "An incomplete save has no devices, so no QEMU can load it. Its memory is made\n"
        "readable for `mappedram extract`, and the exit status is 2.",
        "Exit status:\n"
        "  0   clean, after repair or without any\n"
        "  1   nothing could be repaired, or the tool could not finish; no output\n"
        "  2   still corrupt: the remaining errors are listed\n"
        "  3   only harmless findings are left\n"
        "  63  not a file that this tool handles\n"
        "  64  usage error",
    ),
)
@file_argument
@click.argument("out", type=OutPath(), metavar="[OUT]", required=False)
@click.option("--in-place", is_flag=True, help="Change FILE itself instead of writing OUT.")
@click.option("--dry-run", is_flag=True, help="List the repairs, and write nothing.")
@click.option(
    "--zero-padding",
    is_flag=True,
    help="Also fill the padding between bitmaps and pages with zeros; no reader uses it.",
)
@snapshot_option
@offset_option
@force_option
@output_option
def command(
    file: str,
    out: Path | None,
    in_place: bool,
    dry_run: bool,
    zero_padding: bool,
    chosen: str | None,
    offset: int,
    force: bool,
    form: str,
) -> int:
    """Write a repaired copy of the snapshot FILE to OUT, and list each change with its reason.

    A value is changed only if the rest of the file proves the right one; pages are never changed.
    Damage that cannot be repaired is listed as well. The result is then checked like by
    `mappedram check`.
    """
    if [out is not None, in_place, dry_run].count(True) != 1:
        raise click.UsageError("expected one of OUT, --in-place and --dry-run")
    if in_place and is_url(file):
        raise click.UsageError("--in-place: a URL cannot be written to; give OUT for a local copy")
    asked = ["padding"] if zero_padding else []
    with about(file), ended_by_signals():
        done = repair(
            within(file, chosen),
            out,
            in_place=in_place,
            offset=offset,
            asked=asked,
            force=force,
            progress=progress,
        )
    result = file if done.path is None else str(done.path)
    status = _status(done, dry_run=dry_run)
    if form == "json":
        output.write_json(_as_dict(file, done), levels=3)
    else:
        _show(result, done, dry_run=dry_run)
    if not done.made and status == UNFINISHED:
        raise FailureError(file, "nothing can be repaired", UNFINISHED)
    return status


def _status(done: Repaired, *, dry_run: bool) -> int:
    if not done.made and done.report.verdict == "corrupt" and not dry_run:
        return UNFINISHED
    return done.report.exit_status


# JSON.


def _as_dict(file: str, done: Repaired) -> dict[str, Json]:
    return {
        "file": file,
        "result": None if done.path is None else str(done.path),
        "repairs": [change.to_dict() for change in done.changes],
        "verdict": done.report.verdict,
        "findings": [finding.to_dict() for finding in done.report.findings],
    }


# Human-readable output.


def _show(result: str, done: Repaired, *, dry_run: bool) -> None:
    told: set[str] = set()
    for change in done.changes:
        for text in _lines(change, dry_run=dry_run):
            output.line(text)
        if change.edits and change.name not in told:
            output.line(f"    {output.styled(f'because {_PROOFS[change.name]}', 'dim')}")
            told.add(change.name)
    count = len(done.made)
    broken = done.report.verdict in ("corrupt", "unsupported")
    nothing = "nothing can be repaired" if broken else "nothing to repair"
    repairs = plural(count, "repair") if count else nothing
    tense = "would be " if dry_run else ""
    output.line(f"{printable(result)}: {repairs}; {tense}{done.report.verdict}")
    for finding in done.report.findings:
        if finding.severity != Severity.INFO:
            output.line(f"    {_finding(finding)}")
            if finding.remedy:
                output.line(f"        {output.styled('remedy:', 'bold')} {finding.remedy}")


def _lines(change: Change, *, dry_run: bool) -> Iterator[str]:
    mark, style = "repaired", "bold"
    if not change.edits:
        mark, style = "unknown", "yellow"
    elif dry_run:
        mark = "to repair"
    yield (
        f"{output.styled(f'{mark:<9}', style)}  {change.name:<{_NAME_WIDTH}}  {change.offset:#x}"
        f" {printable(change.path)}: {printable(change.before)} -> {printable(change.after)}"
    )
    doubt = "" if change.certain or not change.edits else "not certain: "
    if change.note:
        yield f"    {output.styled(doubt + change.note, 'dim')}"


def _finding(finding: Finding) -> str:
    place = "" if finding.offset is None else f" at {finding.offset:#x}"
    return f"{finding.severity} {finding.code} {finding.name}{place}: {printable(finding.message)}"
