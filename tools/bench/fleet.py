"""Benchmarks of `fleet check`: one process, two, and the judgement alone."""

import os
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


def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Link a snapshot many times, and return the rows."""
    many = linked(folder)
    single = check(many, folder, "--jobs", "1")
    files = f"{FILES:,} snapshots"
    return [
        Row(
            f"`fleet check --jobs 2`, {files}",
            "`fleet check --jobs 1`",
            check(many, folder, "--jobs", "2"),
            single,
            limit=1 / 1.7,
        ),
        Row(
            f"`fleet check --jobs 1`, {files}",
            "`mappedram.check` in a loop",
            single,
            python(_JUDGEMENT, many),
            limit=1.12,  # 2 ms for each, of about 17 ms
        ),
    ]


def linked(folder: Path) -> Path:
    """A folder with many links of one snapshot."""
    unpack(_FIXTURE, folder / "one")
    (one,) = (folder / "one").iterdir()
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        os.link(one, many / f"{number}.mapped-ram")
    return many


def check(many: Path, folder: Path, *options: str) -> list[str]:
    """The command that judges all files of a folder."""
    results = ("-o", folder / "results.jsonl", "--force")
    return [*mappedram("fleet", "check", f"{many}/*", *results, *options)]
