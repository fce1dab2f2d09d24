"""Runs two commands in turn and compares what the system says they took."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Command = Sequence[str]


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


def run(command: Command, before: Command | None = None) -> Run:
    """Run one command, its output thrown away; `before` runs first, unmeasured.

    Raises:
        RuntimeError: it failed; statuses 2 and 3 are findings of `check`, no failure.
    """
    if before:
        subprocess.run(before, check=True)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode not in (0, 2, 3):
        raise RuntimeError(f"{command}: {process.returncode}: {said.decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss * 1024)


def compare(
    ours: Command, theirs: Command, rounds: int, before: Command | None = None
) -> Comparison:
    """Run both in turn, once to warm up and then `rounds` times."""
    run(ours, before)
    run(theirs, before)
    pairs = [(run(ours, before), run(theirs, before)) for _ in range(rounds)]
    return Comparison(tuple(our for our, _ in pairs), tuple(their for _, their in pairs))


def python(program: str, *arguments: object) -> Command:
    """The command that runs a Python program with this interpreter."""
    return [sys.executable, "-c", program, *map(str, arguments)]
