"""Benchmarks of comparing two snapshots, against `cmp`."""

import os
import random
from contextlib import ExitStack
from pathlib import Path

import mappedram as package
from tests.files import copy_sparse
from tools.bench.measure import mappedram
from tools.bench.row import Command, Row
from tools.bench.writing import RESIDENT, SIZE, snapshot_with_runs
from tools.oracle import OracleBlock, OracleFile

#: Runs whose first pages differ: at the beginning, in the middle, near the end.
_CHANGED = (10, 9000, -5)


def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make five files of 2 to 3 GiB in `folder`, and return the rows."""
    runs, single = snapshot_with_runs(folder), _single_pages(folder / "single")
    runs_copy, single_copy = _copy(runs), _copy(single)
    return [
        Row(
            "`diff`, 4 GiB, 60 % in 20,000 runs, three pages differ",
            "`cmp` of two equal ones",
            _differing(runs, _changed(runs)),
            ["cmp", str(runs), str(runs_copy)],
            limit=1.5,
            resident_limit=RESIDENT,
        ),
        Row(
            "`diff`, 4 GiB, every other page, the same",
            "`cmp`",
            mappedram("diff", single, single_copy),
            ["cmp", str(single), str(single_copy)],
            limit=1.5,
            resident_limit=RESIDENT,
        ),
    ]


def _differing(before: Path, after: Path) -> Command:
    """Compare; the files must differ, so that is success."""
    return ["sh", "-c", '"$@"; test $? -eq 1', "sh", *mappedram("diff", before, after)]


def _single_pages(path: Path) -> Path:
    """The worst bitmap, without two adjacent pages."""
    runs = [(page, page + 1) for page in range(0, SIZE // 4096, 2)]
    fill = random.Random(1).randbytes(4096)
    with path.open("w+b") as stream:
        OracleFile([OracleBlock("pc.ram", SIZE, runs, fill)]).write(stream.fileno())
    return path


def _copy(path: Path, name: str = "copy") -> Path:
    return copy_sparse(path, path.with_name(f"{path.name}-{name}"))


def _changed(path: Path) -> Path:
    """A copy in which a few pages differ."""
    changed = _copy(path, "changed")
    with package.open(changed) as opened, changed.open("r+b") as stream:
        block = opened.blocks[0]
        runs = block.runs()
        for run in _CHANGED:
            place = (block.model.pages_offset or 0) + int(runs[run, 0]) * block.page_size
            os.pwrite(stream.fileno(), b"other", place)
    return changed
