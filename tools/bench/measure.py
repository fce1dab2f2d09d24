"""Run two commands alternately, and compare the time and memory that the system reports."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tools.bench.row import Command, Row

_LAUNCHER = Path(__file__).with_name("launcher.py")
#: Longest report of the launcher, in bytes.
_REPORT_MAX = 1 << 10


@dataclass(frozen=True)
class Run:
    """One run of one process: wall time in seconds, largest resident memory in bytes."""

    seconds: float
    resident: int


class Spread(NamedTuple):
    """Minimum, median and maximum of several runs."""

    least: float
    middle: float
    most: float


@dataclass(frozen=True)
class Comparison:
    """Our runs and those of the peer, pair by pair."""

    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    @property
    def ratio(self) -> Spread:
        """Ratio of our time to theirs, in consecutive runs; the middle is the median."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = [our.seconds / their.seconds for our, their in pairs]
        return Spread(min(ratios), median(ratios), max(ratios))

    @property
    def seconds(self) -> float:
        """Our median wall time."""
        return median(run.seconds for run in self.ours)

    @property
    def peer_seconds(self) -> float:
        """The peer's median wall time."""
        return median(run.seconds for run in self.theirs)

    @property
    def resident(self) -> int:
        """Largest resident memory of our runs."""
        return max(run.resident for run in self.ours)


def run(command: Command, before: Command | None = None, *, reports: bool = False) -> Run:
    """Run one command; `before` runs first, unmeasured.

    With `reports`, the command prints the seconds that count, of a part of its work.

    Raises:
        RuntimeError: it failed; statuses 2 and 3 are findings of `check`, not failures.
    """
    if before:
        subprocess.run(before, check=True)
    with (
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryFile() as report,
    ):
        subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, str(report.fileno()), *map(str, command)],
            check=True,
            stdout=printed,
            stderr=said,
            env=_environment(),
            pass_fds=[report.fileno()],
        )
        status, seconds, kibibytes = os.pread(report.fileno(), _REPORT_MAX, 0).split()
        code = os.waitstatus_to_exitcode(int(status))
        if code not in (0, 2, 3):
            said.seek(0)
            raise RuntimeError(f"{command}: {code}: {said.read().decode()}")
        if reports:
            printed.seek(0)
            seconds = printed.read()
    return Run(float(seconds), int(kibibytes) * 1024)


def _environment() -> dict[str, str]:
    """The environment of this process; installed modules are compiled once, not at every start."""
    return {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compare(row: Row, rounds: int) -> Comparison:
    """Run both alternately, once to warm up and then `rounds` times."""
    pairs = [
        (run(row.ours, row.before), run(row.theirs, row.before, reports=row.peer_reports))
        for _ in range(rounds + 1)
    ][1:]
    return Comparison(tuple(our for our, _ in pairs), tuple(their for _, their in pairs))


def python(program: str, *arguments: object) -> Command:
    """The command that runs a Python program with this interpreter."""
    return [sys.executable, "-c", program, *map(str, arguments)]


def mappedram(*arguments: object) -> Command:
    """The command line of this package, run by this interpreter."""
    return [sys.executable, "-m", "mappedram", *map(str, arguments)]
