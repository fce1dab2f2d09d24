"""`python -m tools.bench [--rounds N] [--folder DIR] [WORD...]`: the table of docs/performance.md.

WORDs select the rows whose job contains one of them. A ratio is given as minimum, median and
maximum of all rounds; the median must not exceed the limit. The exit status is 1 if one does.

With `--against COMMIT`, the peer of each job is the same job done by the package of that commit, in
the same run; the limit is a tenth more. Without WORDs and suites, these are whole processes that
open and judge files.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tools.bench import (
    cluster,
    comparing,
    converting,
    exporting,
    fleet,
    fuzzing,
    older,
    reading,
    remote,
    searching,
    volatility,
    writing,
)
from tools.bench.measure import compare
from tools.bench.row import Row

SUITES: dict[str, Callable[[Path, ExitStack], list[Row]]] = {
    "reading": reading.rows,
    "writing": writing.rows,
    "converting": converting.rows,
    "exporting": exporting.rows,
    "comparing": comparing.rows,
    "remote": remote.rows,
    "searching": searching.rows,
    "volatility": volatility.rows,
    "fuzzing": fuzzing.rows,
    "fleet": fleet.rows,
    "cluster": cluster.rows,
}
#: Suites and words compared with an older commit by default.
AGAINST = (["reading", "fuzzing"], ["`info`", "opening 5,000 PART", "verdicts in memory"])


def main() -> int:
    """Run the rows, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="counted runs of each command")
    parser.add_argument(
        "--folder", type=Path, help="where files are made; default: a temporary one"
    )
    parser.add_argument("--suite", action="append", choices=SUITES, help="default: all")
    parser.add_argument("words", nargs="*", help="only rows whose job contains one of these")
    parser.add_argument("--against", metavar="COMMIT", help="hold each job against that of COMMIT")
    options = parser.parse_args()
    if options.against and not (options.suite or options.words):
        options.suite, options.words = AGAINST
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        try:
            tree = options.against and older.unpacked(options.against, Path(folder))
        except ValueError as error:
            parser.error(str(error))
        return _measure_all(options, tree)


def _measure_all(options: argparse.Namespace, tree: Path | None) -> int:
    print(f"{machine(options.folder)}; {options.rounds} rounds.\n")
    print("| job | against | ours | peer | ratio | at most | memory | at most | limits |")
    print("|---|---|---|---|---|---|---|---|---|")
    kept = []
    for suite in options.suite or SUITES:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder, ExitStack() as stack:
            for asked in SUITES[suite](Path(folder), stack):
                wanted = not options.words or any(word in asked.job for word in options.words)
                row = older.against(asked, tree, options.against) if tree else asked
                kept += [_measured(row, options.rounds)] if wanted and row else []
    return 0 if all(kept) else 1


def _measured(row: Row, rounds: int) -> bool:
    """Run one row, print it, and return whether it kept its limits."""
    result = compare(row, rounds)
    memory = f"{row.resident_limit / 2**20:.0f} MiB" if row.resident_limit else ""
    within = row.resident_limit is None or result.resident <= row.resident_limit
    kept = result.ratio.middle <= row.limit and within
    ratio = " / ".join(f"{number:.2f}" for number in result.ratio)
    print(
        f"| {row.job} | {row.peer} | {result.seconds:.3f} s | {result.peer_seconds:.3f} s"
        f" | {ratio} | {row.limit:.2f} | {result.resident / 2**20:.0f} MiB | {memory}"
        f" | {'kept' if kept else f'**exceeded**; {row.bound}'.rstrip('; ')} |",
        flush=True,
    )
    return kept


def machine(folder: Path | None) -> str:
    """The machine of the figures: processors, memory, file system, programs."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    place = folder or Path(tempfile.gettempdir())
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", place], check=True, capture_output=True, text=True
    )
    return (
        f"{os.cpu_count()} x {model[1] if model else platform.machine()},"
        f" {memory / 2**30:.0f} GiB, {kind.stdout.strip()}, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
