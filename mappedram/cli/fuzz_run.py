"""`mappedram fuzz run`: files tried on a parser, and the plainest one for each failure."""

import os
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mappedram.cli import output
from mappedram.cli.fuzz_drawing import first_option, note_fault, undrawn
from mappedram.cli.options import SizeType, epilog, output_option
from mappedram.cli.status import CORRUPT, FINE, UNFINISHED, FailureError, about
from mappedram.cli.writing import counted, ended_by_signals
from mappedram.printable import printable

if TYPE_CHECKING:
    from mappedram.fuzz.report import FoundFailure
    from mappedram.fuzz.run import Summary
    from mappedram.fuzz.targets import FuzzTarget, Limit

#: What a target that is not a command is called.
_OWN, _QEMU = "self", "qemu:"
_JOBS = os.cpu_count() or 1
#: Files that are tried where nobody says how many.
_COUNT = 1000


@click.command(
    "run",
    short_help="Try files on a command, on QEMU or on this package.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fuzz run --count 5000 -- ./parser {}\n"
        "  mappedram fuzz run --memory 0 -- ./parser-with-asan {}\n"
        "  mappedram fuzz run --target qemu:/usr/bin/qemu-system-x86_64 --time 300 -d found/\n"
        "  mappedram fuzz run --target self",
        "Exit status:\n"
        "  0   nothing found\n"
        "  1   it could not finish: there is no such program, or DIR cannot be written to\n"
        "  2   failures were found, or files could not be drawn, a defect of mappedram\n"
        "  64  wrong usage",
    ),
)
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND {}]")
@click.option(
    "--target",
    "target_name",
    metavar="TARGET",
    help="qemu:PATH for an emulator of QEMU, self for this package, in the place of a COMMAND.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    metavar="N",
    help=f"Try N files.  [default: {_COUNT}, without --time]",
)
@click.option(
    "--time", "seconds", type=click.FloatRange(0, min_open=True), metavar="T", help="Go on for T s."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="S",
    help="Which files: the same ones for the same number.  [default: random]",
)
@first_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=_JOBS,
    show_default=True,
    metavar="N",
    help="How many files are tried at a time.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10,
    show_default=True,
    metavar="S",
    help="Seconds after which a try counts as endless.",
)
@click.option(
    "--memory",
    type=SizeType(),
    default="4G",
    show_default=True,
    metavar="SIZE",
    help="Address space that a try may take; 0 for any, as programs with AddressSanitizer need.",
)
@click.option(
    "-d",
    "--directory",
    type=click.Path(path_type=Path),
    default="mappedram-fuzz",
    show_default=True,
    metavar="DIR",
    help="Where reproducers go, a folder for each failure.",
)
@output_option
def command(
    argv: tuple[str, ...],
    target_name: str | None,
    count: int | None,
    seconds: float | None,
    seed: int | None,
    first: int,
    jobs: int,
    timeout: float,
    memory: int,
    directory: Path,
    form: str,
) -> int:
    """Try generated snapshots on a target, and keep the plainest file for each failure.

    A failure is an end by a signal, an end that does not come, a report of a sanitizer, an
    exception that nobody caught; of QEMU also a load that gives wrong memory. {} in COMMAND stands
    for the name of the file. Each failure is told once, however often it comes up.
    """
    from mappedram.fuzz.run import RunLimits, run
    from mappedram.fuzz.targets import Limit

    target = _target(argv, target_name, Limit(timeout, memory or None))
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    count = _COUNT if count is None and seconds is None else count
    kept = _Reproducers(directory, shown=form == "human")
    with about(target.name), ended_by_signals(), counted("try", count) as tried:
        summary = run(
            target,
            seed=seed,
            budget=RunLimits(count, seconds),
            first=first,
            jobs=jobs,
            on_found=kept.add,
            on_fault=note_fault,
            on_progress=lambda _: tried(),
        )
    if form == "json":
        output.write_json(_as_dict(target, seed, summary, kept.places), levels=3)
    else:
        _show(target, seed, summary)
    return CORRUPT if summary.found or summary.faults.count else FINE


class _Reproducers:
    """What is kept of the failures.

    Args:
        directory: where each gets a folder.
        shown: whether a line is printed on each.
    """

    def __init__(self, directory: Path, *, shown: bool) -> None:
        self.places: list[tuple[FoundFailure, Path]] = []
        self._directory = directory
        self._shown = shown

    def add(self, found: "FoundFailure") -> None:
        """Write the files of a failure that was found."""
        from mappedram.fuzz.reproducer import write

        self.places.append((found, write(found, self._directory)))
        if self._shown:
            output.line(_line(*self.places[-1]))
            output.flush()


def _target(argv: tuple[str, ...], name: str | None, limit: "Limit") -> "FuzzTarget":
    """The target that was asked for."""
    from mappedram.fuzz.targets import CommandTarget, OwnTarget, QemuTarget

    if bool(argv) == bool(name):
        raise click.UsageError("expected either --target or a COMMAND behind --")
    if argv:
        if not any("{}" in argument for argument in argv):
            raise click.UsageError("expected {} in COMMAND, where the name of the file goes")
        _program(argv[0])
        return CommandTarget(argv, limit)
    assert name is not None
    if name == _OWN:
        return OwnTarget(limit)
    if name.startswith(_QEMU):
        return QemuTarget(_program(name.removeprefix(_QEMU)), limit)
    raise click.UsageError(f"--target: expected {_QEMU}PATH or {_OWN}, got {name!r}")


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise FailureError(name, "no such program", UNFINISHED)
    return Path(found)


def _as_dict(
    target: "FuzzTarget", seed: int, summary: "Summary", places: "list[tuple[FoundFailure, Path]]"
) -> dict[str, Any]:
    from mappedram.fuzz.report import as_dict

    return {
        "target": target.name,
        "seed": seed,
        "executions": summary.executions,
        "seconds": round(summary.seconds, 1),
        "outcomes": dict(sorted(summary.kinds.items())),
        "faults": summary.faults.to_dict(),
        "found": [as_dict(found) | {"folder": str(place)} for found, place in places],
    }


def _show(target: "FuzzTarget", seed: int, summary: "Summary") -> None:
    outcomes = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.kinds.items()))
    rate = summary.executions / summary.seconds if summary.seconds else 0
    output.line(
        f"{printable(target.name)}: {summary.executions} files of seed {seed} in"
        f" {summary.seconds:.1f} s ({rate:.1f}/s): {outcomes}; {len(summary.found)} failures"
        f"{undrawn(summary.faults.count)}"
    )


def _line(found: "FoundFailure", place: Path) -> str:
    from mappedram.fuzz.report import places

    observation = found.observation
    what = " ".join(filter(None, (observation.kind, observation.sign)))
    fields = ", ".join(places(found.case))
    style = output.styled(f"{what:<20}", "red")
    return (
        f"{style}  {printable(fields)}  after {found.executions} files, {found.seconds:.1f} s:"
        f" {printable(str(place))}"
    )
