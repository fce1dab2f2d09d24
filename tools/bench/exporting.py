"""Benchmarks of exports by physical address, against `cp` of the snapshot."""

import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tools.bench.measure import mappedram
from tools.bench.row import Row
from tools.bench.writing import RESIDENT, SIZE, runs_of, xfs
from tools.oracle import OracleBlock, OracleFile

_PEER = "`cp --sparse=auto` of the snapshot"


def rows(folder: Path, stack: ExitStack) -> list[Row]:
    """Make files of 3 GiB each in `folder`, and return the rows."""
    snapshot, out = _pc(folder / "pc", SIZE), folder / "out"
    copied = [
        Row(
            f"`convert -O {form}`, 4 GiB, 60 % in 20,000 runs",
            _PEER,
            mappedram("convert", "-O", form, snapshot, out),
            ["cp", "--sparse=auto", str(snapshot), str(out)],
            ["rm", "-f", str(out)],
            limit=1.2,
            resident_limit=RESIDENT,
        )
        for form in ("elf", "lime", "raw")
    ]
    return [*copied, *_shared(folder, stack)]


def _shared(folder: Path, stack: ExitStack) -> list[Row]:
    """Rows on XFS, which shares blocks between files; none if it cannot be mounted."""
    try:
        disk = stack.enter_context(xfs(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no rows for reflink: {error}", file=sys.stderr)
        return []
    snapshot, out = _pc(disk / "pc", 2 * SIZE), disk / "out"
    return [
        Row(
            f"`convert -O {form}`, 8 GiB, 60 %, XFS with reflink",
            "`cp --reflink=never`",
            mappedram("convert", "-O", form, snapshot, out),
            ["cp", "--reflink=never", str(snapshot), str(out)],
            ["rm", "-f", str(out)],
            limit=limit,
            resident_limit=RESIDENT,
        )
        # An ELF core may need a note of the guest's kernel: the search reads all stored pages.
        for form, limit in (("elf", 1.0), ("raw", 0.5))
    ]


def _pc(path: Path, size: int) -> Path:
    """A PC without devices; its machine type splits memory at 2 GiB."""
    fill = random.Random(1).randbytes(4096)
    model = OracleFile([OracleBlock("pc.ram", size, runs_of(size), fill)], "pc-q35-10.0")
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    return path
