"""Benchmarks of converting from mapped-ram to records and back."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

from tools.bench.measure import mappedram
from tools.bench.row import Row
from tools.bench.writing import RESIDENT, snapshot_with_runs


def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make two files of 2.4 GiB each in `folder`, and return the rows."""
    mapped, stream, out = snapshot_with_runs(folder), folder / "stream", folder / "out"
    subprocess.run(mappedram("convert", "-O", "stream", mapped, stream), check=True)
    clear = ["rm", "-f", str(out)]
    return [
        Row(
            "`convert -O mapped-ram`, 4 GiB, 60 %, from a stream",
            "`cp` of the stream",
            mappedram("convert", "-O", "mapped-ram", stream, out),
            ["cp", str(stream), str(out)],
            clear,
            limit=2.0,
            resident_limit=RESIDENT,
        ),
        Row(
            "`convert -O stream`, 4 GiB, 60 %",
            "`cp` of the snapshot",
            mappedram("convert", "-O", "stream", mapped, out),
            ["cp", str(mapped), str(out)],
            clear,
            limit=2.0,
            resident_limit=RESIDENT,
        ),
        Row(
            "`metadump`, 4 GiB, 60 % in 20,000 runs",
            "`check` of it, which it runs on both",
            mappedram("metadump", mapped, out),
            mappedram("check", mapped),
            clear,
            limit=3.0,
            resident_limit=RESIDENT,
        ),
    ]
