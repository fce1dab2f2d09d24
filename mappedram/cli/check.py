"""`mappedram check`: judge files by the rules of the specification."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from mappedram.check import RULES, Asked, Finding, Question, Report, Rule, check
from mappedram.check.rebuild import Rebuilt, rebuilt, summary
from mappedram.check.reports import Unread
from mappedram.cli import output
from mappedram.cli.loading import loading_options, question
from mappedram.cli.options import epilog, offset_option
from mappedram.cli.status import (
    CORRUPT,
    FINE,
    HARMLESS,
    UNFINISHED,
    UNSUPPORTED,
    FailureError,
    about,
    message_of,
)
from mappedram.errors import MappedRamError
from mappedram.io.opening import open_source
from mappedram.printable import printable
from mappedram.view.releases import lines
from mappedram.view.text import hex_bytes

#: Exit statuses from the worst to the best; that of several files is the first that comes up.
_WORST_FIRST = (UNFINISHED, CORRUPT, UNSUPPORTED, HARMLESS, FINE)

_STYLES = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.command(
    "check",
    short_help="Is the file right, and where is it not.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram check guest.mapped-ram\n"
        "  mappedram check --output json *.mapped-ram\n"
        "  mappedram check --qemu 10.0 guest.mapped-ram\n"
        "  mappedram check --select MR2 --ignore MR203 guest.mapped-ram",
        "Exit status; of several files, the first in this list that one of them has:\n"
        "  1   a file could not be read, or what a QEMU does with it is not modelled\n"
        "  2   corrupt: no QEMU loads it with the right memory, or data is lost in it;\n"
        "      or with --rebuild, a byte differs\n"
        "  63  not a file that this tool handles\n"
        "  3   only harmless findings: it loads, but no known writer emits it\n"
        "  0   clean; findings of severity info do not count\n"
        "  64  wrong usage",
    ),
)
@click.argument("files", type=click.Path(), metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--select",
    multiple=True,
    metavar="CODE",
    help="Only findings whose code begins with CODE, such as MR2; can be given more than once.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODE",
    help="No findings whose code begins with CODE; goes before --select.",
)
@offset_option
@loading_options
@click.option(
    "--rebuild",
    is_flag=True,
    help="Also build the structures of each FILE of their own values, by both declarations of the"
    " format, and say where the first byte differs, or how many bytes were rebuilt and passed over"
    " (pages, bitmaps, payloads).",
)
@click.option(
    "--output",
    "form",
    type=click.Choice(["human", "json", "sarif", "junit"]),
    default="human",
    show_default=True,
    help="For reading, for programs, or in a form that other tools take: SARIF 2.1.0, JUnit XML.",
)
def command(
    files: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    offset: int,
    qemu: str | None,
    destination: str | None,
    rebuild: bool,
    form: str,
) -> int:
    """Judge snapshots: say what is wrong in each FILE, at which byte, and how bad that is.

    Without --qemu and --destination, a file is corrupt if no release loads it with the right
    memory. With them, the verdict is about that release, that destination or both, and an error
    that does not matter there is a warning.

    With --select or --ignore the verdict follows from the findings that are left. That a file is
    not one that this tool handles is always among them; what the releases do with it counts if
    MR061 is among the codes, and with --qemu and --destination.
    """
    if rebuild and form not in ("human", "json"):
        raise click.UsageError("--rebuild: goes with --output human and json only")
    choice = _Choice(_prefixes("--select", select), _prefixes("--ignore", ignore))
    statuses: list[int] = []
    asked = question(qemu, destination, choice.takes)
    results = (_result(file, offset, asked, statuses) for file in files)
    _OUTPUTS[form](results, asked, _Rebuilding(offset, statuses) if rebuild else None)
    return next(status for status in _WORST_FIRST if status in statuses)


class _Choice(NamedTuple):
    """The beginnings of the codes that somebody wants to see, and of those not to be seen."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]

    def takes(self, code: str) -> bool:
        return not code.startswith(self.ignore) and (
            not self.select or code.startswith(self.select)
        )


def _prefixes(option: str, given: Sequence[str]) -> tuple[str, ...]:
    """The codes in capitals, each of which some rule has: a typing error would hide findings."""
    prefixes = tuple(prefix.upper() for prefix in given)
    for prefix in prefixes:
        if not any(code.startswith(prefix) for code in RULES):
            raise click.UsageError(f"{option}: no rule has a code that begins with {prefix!r}")
    return prefixes


def _result(file: str, offset: int, asked: Question, statuses: list[int]) -> Report | FailureError:
    """The report on one file, or why there is none; its exit status is added to `statuses`."""
    try:
        with about(file):
            report = check(
                file,
                offset,
                release=asked.release,
                destination=asked.destination,
                takes=asked.takes,
            )
    except FailureError as failure:
        output.note(str(failure))
        statuses.append(failure.status)
        return failure
    statuses.append(report.exit_status)
    return report


class _Rebuilding(NamedTuple):
    """Building files again, after what was said of them; a difference is like corruption."""

    offset: int
    statuses: list[int]

    def __call__(self, result: Report | FailureError) -> list[Rebuilt]:
        if isinstance(result, FailureError):
            return []
        found = rebuilt(result.file, self.offset)
        if any(one.identical is False for one in found):
            self.statuses.append(CORRUPT)
        return found


# For programs.


def _write_json(
    results: Iterator[Report | FailureError], asked: Question, rebuilding: _Rebuilding | None
) -> None:
    def entry(result: Report | FailureError) -> dict[str, Any]:
        found = _as_dict(result, asked.asked)
        if rebuilding:
            found["rebuilt"] = {one.driver: one.to_dict() for one in rebuilding(result)}
        return found

    output.write_json((entry(result) for result in results), levels=3)


def _write_sarif(
    results: Iterator[Report | FailureError], asked: Question, _: _Rebuilding | None
) -> None:
    from mappedram.check.reports import sarif

    output.write_json(sarif.document(_plain(results), _rules(asked)), levels=4)


def _write_junit(
    results: Iterator[Report | FailureError], asked: Question, _: _Rebuilding | None
) -> None:
    from mappedram.check.reports import junit

    for piece in junit.pieces(_plain(results), _rules(asked)):
        output.write(piece)


def _rules(asked: Question) -> list[Rule]:
    """The rules that can have findings."""
    return [rule for code, rule in RULES.items() if asked.wants(code)]


def _plain(results: Iterator[Report | FailureError]) -> Iterator[Report | Unread]:
    for result in results:
        if isinstance(result, FailureError):
            yield Unread(result.file, result.message)
        else:
            yield result


def _as_dict(result: Report | FailureError, asked: Asked) -> dict[str, Any]:
    if isinstance(result, FailureError):
        return {
            "file": result.file,
            "verdict": None,
            "error": result.message,
            "findings": [],
            "qemu": {},
            "asked": asked.to_dict(),
        }
    return result.to_dict()


# For a person.


def _write_human(
    results: Iterator[Report | FailureError], _: Question, rebuilding: _Rebuilding | None
) -> None:
    for result in results:
        _show(result)
        found = rebuilding(result) if rebuilding else []
        if found:
            output.line(f"{printable(result.file)}: {printable(summary(found))}")


def _show(result: Report | FailureError) -> None:
    if isinstance(result, FailureError):
        return  # it has been said on standard error
    for finding in result.findings:
        _show_finding(result.file, finding)
    counts = ", ".join(_counted(result, severity) for severity in _STYLES)
    verdict = output.styled(result.verdict, "bold")
    for line in lines(result):
        output.line(f"{printable(result.file)}: {printable(line)}")
    output.line(f"{printable(result.file)}: {verdict} ({counts})")


def _counted(report: Report, severity: str) -> str:
    count = sum(finding.severity == severity for finding in report.findings)
    return f"{count} {severity}{'' if count == 1 else 's'}"


def _show_finding(file: str, finding: Finding) -> None:
    within = " (decompressed)" if finding.decompressed else ""
    place = within if finding.offset is None else f"{within}:{finding.offset:#x}"
    severity = output.styled(finding.severity, _STYLES[finding.severity])
    output.line(
        f"{printable(file)}{place}: {severity} {finding.code} {finding.name}:"
        f" {printable(finding.message)}"
    )
    for text in _details(file, finding):
        output.line(f"    {text}")


def _details(file: str, finding: Finding) -> Iterator[str]:
    if finding.path:
        yield printable(finding.path)
    if finding.expected is not None:
        yield f"expected {printable(finding.expected)}"
    if finding.actual is not None:
        yield f"actual   {printable(finding.actual)}"
    yield from _marked_bytes(file, finding)
    yield output.styled(f"see: mappedram explain {finding.code}", "dim")


def _marked_bytes(file: str, finding: Finding) -> Iterator[str]:
    """A line of sixteen bytes, and a line that marks those of the finding."""
    if finding.offset is None or finding.decompressed:
        return  # what was decompressed is gone by now
    length = finding.length or 1
    start = finding.offset - finding.offset % 16
    if finding.offset + length > start + 16:
        start = finding.offset
    try:
        with open_source(file) as source:
            data = source.read(start, 16)
    except (MappedRamError, OSError) as error:  # it was there a moment ago
        yield f"{start:#010x}  cannot be read again: {message_of(error)}"
        return
    skipped = finding.offset - start
    marked = min(length, len(data) - skipped)
    if marked > 0:
        label = f"{start:#010x}  "
        more = f" … {length} bytes" if length > marked else ""
        yield f"{label}{hex_bytes(data)}"
        yield " " * (len(label) + 3 * skipped) + " ".join(["^^"] * marked) + more


_OUTPUTS = {
    "human": _write_human,
    "json": _write_json,
    "sarif": _write_sarif,
    "junit": _write_junit,
}
