"""Benchmark of `fleet check` on a Dask cluster of this machine.

A suite of its own: the scheduler and its workers take processor time from all other commands.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tools.bench.fleet import FILES, ROOT, check, linked
from tools.bench.row import Row

#: Seconds for a scheduler to start.
_PATIENCE = 60


def rows(folder: Path, stack: ExitStack) -> list[Row]:
    """Link a snapshot many times, and start a scheduler with two workers until `stack` ends."""
    many = linked(folder)
    address = _cluster(folder, stack)
    return [
        Row(
            f"`fleet check --scheduler`, two workers, {FILES:,} snapshots",
            "`fleet check --jobs 1`",
            check(many, folder, "--scheduler", address),
            check(many, folder, "--jobs", "1"),
            limit=1 / 1.5,
        ),
    ]


def _cluster(folder: Path, stack: ExitStack) -> str:
    address = folder / "scheduler.json"
    dask = (sys.executable, "-m", "dask")
    common = ("--scheduler-file", address, "--no-dashboard")
    _started(stack, folder, *dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *common)
    deadline = time.monotonic() + _PATIENCE
    while not address.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the scheduler does not start")
        time.sleep(0.1)
    workers = ("--nworkers", "2", "--nthreads", "1", "--local-directory", folder)
    _started(stack, folder, *dask, "worker", *workers, *common)
    return str(address)


def _started(stack: ExitStack, folder: Path, *command: object) -> None:
    log = stack.enter_context((folder / "dask.log").open("ab"))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, env=environment)
    stack.callback(running.wait)
    stack.callback(running.terminate)
