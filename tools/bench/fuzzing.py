"""Benchmarks of fuzzing, against time of one core: verdicts, and files through a real QEMU."""

import random
from contextlib import ExitStack
from pathlib import Path
from shutil import which

from mappedram.fuzz.generate import Limits, snapshot
from tools.bench.measure import python
from tools.bench.row import Command, Row

#: Number of files to judge, and rounds for each.
_FILES, _ROUNDS = 100, 10
#: Loads of one row, on one core.
_LOADS = 40

_VERDICTS = """
import sys
from pathlib import Path
from mappedram.qemu.loader import RELEASES, verdicts
files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())]
for _ in range(int(sys.argv[2])):
    for data in files:
        assert len(verdicts(data)) == len(RELEASES)
"""

#: Uses that many seconds of a processor, which take longer by the clock on a busy machine.
_BUSY = """
import sys, time
while time.process_time() < float(sys.argv[1]):
    pass
"""

_TRIES = """
import sys
from itertools import islice
from pathlib import Path
from mappedram.fuzz.targets import Limit, QemuTarget
target = QemuTarget(Path(sys.argv[1]), Limit())
with target.worker(Path(sys.argv[2])) as worker:
    for case in islice(target.cases(1), int(sys.argv[3])):
        worker.observe(case)
"""


def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make files of kilobytes in `folder`, and return the rows."""
    qemu = which("qemu-system-x86_64")
    verdicts = Row(
        f"{_FILES * _ROUNDS:,} verdicts in memory, files of up to 10 blocks",
        "1 second of one core",
        _on_one_core(python(_VERDICTS, _small_files(folder), _ROUNDS)),
        _on_one_core(python(_BUSY, 1)),
        limit=1.0,
    )
    return [verdicts, _loads(qemu, folder)] if qemu else [verdicts]


def _loads(qemu: str, folder: Path) -> Row:
    seconds = _LOADS // 5
    return Row(
        f"{_LOADS} files through QEMU with `-M none`, one core",
        f"{seconds} seconds of one core",
        _on_one_core(python(_TRIES, qemu, folder, _LOADS)),
        _on_one_core(python(_BUSY, seconds)),
        limit=1.0,
    )


def _on_one_core(command: Command) -> Command:
    return ["taskset", "-c", "0", *command]


def _small_files(folder: Path) -> Path:
    place = folder / "files"
    place.mkdir()
    limits = Limits(blocks=10, plain=True)
    for seed in range(_FILES):
        spec = snapshot(random.Random(seed), limits)
        (place / f"{seed:03}").write_bytes(bytes(spec.file()))
    return place
