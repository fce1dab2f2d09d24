"""Runs two commands in turn and compares what the system says they took."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from statistics import median

from tools.bench.row import Command, Row


@dataclass(frozen=True)
class Run:
    """One run of one process: wall time in seconds, largest resident memory in bytes."""

    seconds: float
    resident: int


@dataclass(frozen=True)
class Comparison:
    """Our runs and those of the peer, pair by pair."""

    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    @property
    def ratio(self) -> float:
        """Median of our time by theirs, of runs that came one after the other."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return median(our.seconds / their.seconds for our, their in pairs)

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
        """The most memory that a run of ours had resident."""
        return max(run.resident for run in self.ours)


def run(command: Command, before: Command | None = None, *, reports: bool = False) -> Run:
    """Run one command; `before` runs first, unmeasured.

    With `reports` the command prints the seconds that count, of a part of its work.

    Raises:
        RuntimeError: it failed; statuses 2 and 3 are findings of `check`, no failure.
    """
    if before:
        subprocess.run(before, check=True)
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=said, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 2, 3):
            said.seek(0)
            raise RuntimeError(f"{command}: {process.returncode}: {said.read().decode()}")
        if reports:
            printed.seek(0)
            seconds = float(printed.read())
    return Run(seconds, usage.ru_maxrss * 1024)


def _environment() -> dict[str, str]:
    """That of this process, but what is installed is compiled once, not at every start."""
    return {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compare(row: Row, rounds: int) -> Comparison:
    """Run both in turn, once to warm up and then `rounds` times."""
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
