"""Dask clusters on the loopback: a scheduler and workers, each a process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for a process to start on a busy machine.
_PATIENCE = 120
#: Dask gives up on a task when its second worker dies, not its fourth.
_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}


class Processes:
    """A scheduler and the nannies of its workers.

    Attributes:
        address: the file of the scheduler.
    """

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "scheduler.json")
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self) -> None:
        """Start a scheduler, and wait for its address."""
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show")
        deadline = time.monotonic() + _PATIENCE
        while not os.path.exists(self.address):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def start_worker(self) -> None:
        """Start a worker with one thread, below a nanny that replaces it."""
        self._start("worker", "--nthreads", "1", "--local-directory", self._folder)

    def _start(self, kind: str, *arguments: object) -> None:
        program = ("-m", "dask", kind, "--scheduler-file", self.address, "--no-dashboard")
        with (self._folder / f"{kind}-{len(self._running)}.log").open("wb") as log:
            running = subprocess.Popen(
                [sys.executable, *program, *map(str, arguments)],
                stdout=log,
                stderr=log,
                env=os.environ | _ENVIRONMENT,
            )
        self._running.append(running)

    def workers(self) -> list[int]:
        """The processes of the workers, below their nannies."""
        return [pid for nanny in self._running[1:] for pid in _workers_below(nanny.pid)]

    def wait_for_workers(self, count: int) -> None:
        """Wait until the nannies have started so many workers."""
        deadline = time.monotonic() + _PATIENCE
        while len(self.workers()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill_scheduler(self) -> None:
        """Kill it without a word to anyone."""
        self._running[0].kill()

    def end(self) -> None:
        """End all processes."""
        for running in reversed(self._running):
            running.send_signal(signal.SIGTERM)
        for running in reversed(self._running):
            try:
                running.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _workers_below(nanny: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{nanny}/task").glob("*/children"):
        for pid in path.read_text("ascii").split():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"spawn_main" in command:
                found.append(int(pid))
    return found


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Processes]:
    """A cluster until the block ends."""
    running = Processes(folder)
    try:
        running.start_scheduler()
        for _ in range(workers):
            running.start_worker()
        running.wait_for_workers(workers)
        yield running
    finally:
        running.end()
