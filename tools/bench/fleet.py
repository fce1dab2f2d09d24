"""Benchmarks of `fleet check`: one process, two, and a Dask cluster on this machine."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tools.bench.measure import mappedram, python
from tools.bench.row import Row
from tools.unpack import unpack

ROOT = Path(__file__).resolve().parents[2]
#: Snapshots of 20 MiB, all hard links of one. `MAPPEDRAM_FLEET` is another number.
FILES = int(os.environ.get("MAPPEDRAM_FLEET", "10000"))
#: Links of one file that ext4 allows are 65,000.
_FIXTURE = ROOT / "tests" / "fixtures" / "pc.tar.gz"
#: Judges the files one after another in this process: the judgement itself.
_JUDGEMENT = (
    "import sys, os, mappedram\n"
    "for entry in os.scandir(sys.argv[1]): mappedram.check(entry.path).to_dict()"
)
#: Seconds for a scheduler to start.
_PATIENCE = 60


def rows(folder: Path, stack: ExitStack) -> list[Row]:
    """Link a snapshot many times, and start a scheduler with two workers until `stack` ends."""
    unpack(_FIXTURE, folder / "one")
    (one,) = (folder / "one").iterdir()
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        os.link(one, many / f"{number}.mapped-ram")
    address = _cluster(folder, stack)
    single = _check(many, folder, "--jobs", "1")
    files = f"{FILES:,} snapshots"
    return [
        Row(
            f"`fleet check --jobs 2`, {files}",
            "`fleet check --jobs 1`",
            _check(many, folder, "--jobs", "2"),
            single,
            limit=1 / 1.7,
        ),
        Row(
            f"`fleet check --scheduler`, two workers, {files}",
            "`fleet check --jobs 1`",
            _check(many, folder, "--scheduler", address),
            single,
            limit=1 / 1.5,
        ),
        Row(
            f"`fleet check --jobs 1`, {files}",
            "`mappedram.check` in a loop",
            single,
            python(_JUDGEMENT, many),
            limit=1.12,  # 2 ms for each, of about 17 ms
        ),
    ]


def _check(many: Path, folder: Path, *options: str) -> list[str]:
    results = ("-o", folder / "results.jsonl", "--force")
    return [*mappedram("fleet", "check", f"{many}/*", *results, *options)]


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
