"""`mappedram check`: check files against the rules of the specification."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click

from mappedram.check import RULES, Asked, Finding, Question, Report, Rule, check
from mappedram.check.report import unread
from mappedram.check.reports import Unread
from mappedram.cli import output
from mappedram.cli.loading import loading_options, question
from mappedram.cli.options import InPath, epilog, offset_option, snapshot_option, within
from mappedram.cli.selecting import selection, selection_options
from mappedram.cli.status import (
    CORRUPT,
    FINE,
    HARMLESS,
    UNFINISHED,
    UNSUPPORTED,
    USAGE,
    FailureError,
    about,
    message_of,
)
from mappedram.cli.writing import ended_by_signals
from mappedram.errors import MappedRamError
from mappedram.io.opening import DiskImage, name_of, open_source
from mappedram.io.source import Source
from mappedram.printable import plural, printable
from mappedram.view.releases import lines
from mappedram.view.text import hex_bytes

if TYPE_CHECKING:
    from mappedram.check.rebuild import Rebuilt

#: Exit statuses from the worst to the best; several files give the worst one.
_WORST_FIRST = (UNFINISHED, USAGE, CORRUPT, UNSUPPORTED, HARMLESS, FINE)

#: Columns that a line of sixteen bytes takes; narrower terminals get lines of eight.
_WIDE = 63
_STYLES = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.command(
    "check",
    short_help="Check a file: report errors by offset, and which QEMU loads it.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram check guest.mapped-ram\n"
        "  mappedram check --output json *.mapped-ram\n"
        "  mappedram check --qemu 10.0 guest.mapped-ram\n"
        "  mappedram check --select MR2 --ignore MR203 guest.mapped-ram",
        "Exit status; several files give the first in this list that applies:\n"
        "  1   a file cannot be read, or QEMU's behaviour on it is not modelled\n"
        "  2   corrupt: no QEMU loads it with the right memory, or it has lost data;\n"
        "      or a byte differs with --rebuild\n"
        "  63  not a file that this tool handles\n"
        "  3   only harmless findings: it loads, but no known writer emits it\n"
        "  0   clean; findings of severity info do not count\n"
        "  64  usage error",
    ),
)
@click.argument("files", type=InPath(), metavar="FILE...", nargs=-1, required=True)
@selection_options
@snapshot_option
@offset_option
@loading_options
@click.option(
    "--rebuild",
    is_flag=True,
    help="Also rebuild the structures of each FILE from their parsed values, with both declarations"
    " of the format. Reports the first byte that differs, or how many bytes were rebuilt and"
    " skipped (pages, bitmaps, payloads).",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    metavar="N",
    help="Judge N files at a time, each in a process of its own; the order of the output stays.",
)
@click.option(
    "--output",
    "form",
    type=click.Choice(["human", "json", "sarif", "junit"]),
    default="human",
    show_default=True,
    help="Output format; sarif is SARIF 2.1.0, junit is JUnit XML.",
)
def command(
    files: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    chosen: str | None,
    offset: int,
    qemu: str | None,
    destination: str | None,
    rebuild: bool,
    jobs: int,
    form: str,
) -> int:
    """Check snapshots: report each error with its offset and severity, and give a verdict.

    Without --qemu and --destination, a file is corrupt if no release loads it with the right
    memory. With them, the verdict is for that release, that destination or both, and an error
    that does not matter there becomes a warning.

    With --select or --ignore, the verdict depends on the remaining findings only. A file that
    this tool does not handle is always reported. The releases affect the verdict if MR061 is
    selected, or with --qemu or --destination.
    """
    if rebuild and form not in ("human", "json"):
        raise click.UsageError("--rebuild requires --output human or json")
    choice = selection(select, ignore)
    statuses: list[int] = []
    asked = question(qemu, destination, choice.takes)

    def work(file: str) -> _Judged:
        return _judged(within(file, chosen), offset, asked, rebuild=rebuild)

    with ended_by_signals():
        _OUTPUTS[form](_noted(_each(files, work, jobs), statuses), asked)
    return next(status for status in _WORST_FIRST if status in statuses)


class _Failed(NamedTuple):
    """A file of which nothing was found out, and the exit status."""

    file: str
    message: str
    status: int


class _Judged(NamedTuple):
    """What there is to say of one file: the report, or why there is none, and the files rebuilt."""

    result: Report | _Failed
    rebuilt: "list[Rebuilt] | None"
    opened: str | DiskImage

    @property
    def statuses(self) -> Iterator[int]:
        """The exit statuses that it would have alone; a byte that differs is like corruption."""
        if isinstance(self.result, _Failed):
            yield self.result.status
        else:
            yield self.result.exit_status
        if any(one.identical is False for one in self.rebuilt or ()):
            yield CORRUPT


def _judged(file: str | DiskImage, offset: int, asked: Question, *, rebuild: bool) -> _Judged:
    try:
        with about(name_of(file)):
            report = check(
                file,
                offset,
                release=asked.release,
                destination=asked.destination,
                takes=asked.takes,
            )
    except FailureError as failure:
        failed = _Failed(failure.file, failure.message, failure.status)
        return _Judged(failed, [] if rebuild else None, file)
    return _Judged(report, _rebuilt(file, offset) if rebuild else None, file)


def _rebuilt(file: str | DiskImage, offset: int) -> "list[Rebuilt]":
    # The import takes as long as the check of a small file.
    from mappedram.check.rebuild import rebuilt

    return rebuilt(file, offset)


def _each(files: Sequence[str], work: Callable[[str], _Judged], jobs: int) -> Iterator[_Judged]:
    """What there is to say of each file, in their order."""
    if jobs == 1 or len(files) == 1:
        yield from map(work, files)
        return
    # Needs multiprocessing.
    from mappedram.cli.workers import Crash, in_order

    for file, found in zip(files, in_order(files, work, jobs), strict=True):
        if isinstance(found, Crash):
            yield _Judged(_Failed(file, found.how, UNFINISHED), None, file)
        else:
            yield found


def _noted(results: Iterator[_Judged], statuses: list[int]) -> Iterator[_Judged]:
    """The same; failures are said on standard error, and exit statuses are added to `statuses`."""
    for judged in results:
        if isinstance(judged.result, _Failed):
            output.note(f"{judged.result.file}: {judged.result.message}")
        statuses += judged.statuses
        yield judged


# Machine-readable output.


def _write_json(results: Iterator[_Judged], asked: Question) -> None:
    def entry(judged: _Judged) -> dict[str, Any]:
        found = _as_dict(judged.result, asked.asked)
        if judged.rebuilt is not None:
            found["rebuilt"] = {one.driver: one.to_dict() for one in judged.rebuilt}
        return found

    output.write_json((entry(judged) for judged in results), levels=3)


def _write_sarif(results: Iterator[_Judged], asked: Question) -> None:
    from mappedram.check.reports import sarif

    output.write_json(sarif.document(_plain(results), _rules(asked)), levels=4)


def _write_junit(results: Iterator[_Judged], asked: Question) -> None:
    from mappedram.check.reports import junit

    for piece in junit.pieces(_plain(results), _rules(asked)):
        output.write(piece)


def _rules(asked: Question) -> list[Rule]:
    """The rules that can have findings."""
    return [rule for code, rule in RULES.items() if asked.wants(code)]


def _plain(results: Iterator[_Judged]) -> Iterator[Report | Unread]:
    for result, _, _ in results:
        if isinstance(result, _Failed):
            yield Unread(result.file, result.message)
        else:
            yield result


def _as_dict(result: Report | _Failed, asked: Asked) -> dict[str, Any]:
    if isinstance(result, _Failed):
        return unread(result.file, result.message, asked)
    return result.to_dict()


# Human-readable output.


def _write_human(results: Iterator[_Judged], _: Question) -> None:
    for result, found, opened in results:
        _show(result, opened)
        if found:
            from mappedram.check.rebuild import summary

            output.line(f"{printable(result.file)}: {printable(summary(found))}")


def _show(result: Report | _Failed, opened: str | DiskImage) -> None:
    if isinstance(result, _Failed):
        return  # it has been said on standard error
    with _Again(opened) as again:
        for finding in result.findings:
            _show_finding(again, finding)
    counts = ", ".join(_counted(result, severity) for severity in _STYLES)
    verdict = output.styled(result.verdict, "bold")
    for line in lines(result):
        output.line(f"{printable(result.file)}: {printable(line)}")
    if result.not_judged:
        output.line(
            f"{printable(result.file)}: not judged, as a remote file's unused bytes are not read:"
            f" {', '.join(result.not_judged)}"
        )
    output.line(f"{printable(result.file)}: {verdict} ({counts})")


def _counted(report: Report, severity: str) -> str:
    count = sum(finding.severity == severity for finding in report.findings)
    return plural(count, severity)


class _Again:
    """A file whose bytes are shown, which is opened when the first ones are."""

    def __init__(self, opened: str | DiskImage) -> None:
        self.file = name_of(opened)
        self._opened = opened
        self._stack = ExitStack()
        self._source: Source | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Raises as `open_source` and `Source.read` do."""
        if self._source is None:
            self._source = self._stack.enter_context(open_source(self._opened))
        return self._source.read(offset, length)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _show_finding(again: _Again, finding: Finding) -> None:
    inside = " (decompressed)" if finding.decompressed else ""
    place = inside if finding.offset is None else f"{inside}:{finding.offset:#x}"
    severity = output.styled(finding.severity, _STYLES[finding.severity])
    output.line(
        f"{printable(again.file)}{place}: {severity} {finding.code} {finding.name}:"
        f" {printable(finding.message)}"
    )
    for text in _details(again, finding):
        output.line(f"    {text}")


def _details(again: _Again, finding: Finding) -> Iterator[str]:
    if finding.path:
        yield printable(finding.path)
    if finding.expected is not None:
        yield f"expected {printable(finding.expected)}"
    if finding.actual is not None:
        yield f"actual   {printable(finding.actual)}"
    yield from _marked_bytes(again, finding)
    yield f"{output.styled('remedy:', 'bold')} {finding.remedy}"
    yield output.styled(f"see: mappedram explain {finding.code}", "dim")


def _marked_bytes(again: _Again, finding: Finding) -> Iterator[str]:
    """A line of bytes, and a line that marks those of the finding."""
    if finding.offset is None or finding.decompressed:
        return  # the decompressed data is gone
    length = finding.length or 1
    row = 16 if (output.width() or _WIDE) >= _WIDE else 8
    start = finding.offset - finding.offset % row
    if finding.offset + length > start + row:
        start = finding.offset
    try:
        data = again.read(start, row)
    except (MappedRamError, OSError) as error:  # the file changed since it was checked
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
