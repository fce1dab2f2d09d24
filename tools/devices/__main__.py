"""`python -m tools.devices`: save a guest with each device, and load it as `restore-hint` says.

The results go to `tools/devices/results.json`, by version of QEMU. With --check, they are compared
with those in the file instead, which is not changed. The exit status is 1 if a guest that can be
saved does not load, or if a result differs.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tools.devices import results
from tools.devices.cases import BOARDS, Case, cases
from tools.devices.results import Row
from tools.devices.trial import run
from tools.qemu import find, version
from tools.qemu.machine import NEWER


def main() -> int:
    """Run the cases, and write or compare the results."""
    options = _options()
    found = _run(list(_all(options)), options)
    known = results.read(options.out)
    if options.check:
        differing = list(results.differences(known, found))
        print("\n".join([*differing, f"{len(found)} cases, {len(differing)} differences"]))
        return 1 if differing else 0
    rows = known | found if options.only else found | _others(known, found)
    results.write(options.out, rows)
    print("\n".join(results.summary(rows)))
    return 1 if any(map(results.is_wrong, found.values())) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.devices", description=__doc__)
    parser.add_argument("--qemu", type=Path, metavar="FOLDER", help="the emulators in there")
    parser.add_argument(
        "--newer",
        dest="qemu",
        action="store_const",
        const=NEWER,
        help="of tools/qemu/install-newer",
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name it finds")
    parser.add_argument("--check", action="store_true", help="compare with the results")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=results.PATH)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="for the files")
    return parser.parse_args()


def _all(options: argparse.Namespace) -> Iterator[tuple[str, Path, Case]]:
    for board in BOARDS:
        binary = find(board.arch, beside=options.qemu)
        if binary is None:
            print(f"{board.name}: left out, no qemu-system-{board.arch}", file=sys.stderr)
            continue
        release = ".".join(map(str, version(binary)))
        for case in cases(board, binary):
            if re.search(options.only, case.name):
                yield release, binary, case


def _run(
    wanted: list[tuple[str, Path, Case]], options: argparse.Namespace
) -> dict[tuple[str, str], Row]:
    found = {}
    began = time.monotonic()
    with ProcessPoolExecutor(options.jobs, initializer=os.nice, initargs=(10,)) as pool:
        started = [
            (release, case, pool.submit(run, case, binary, options.folder))
            for release, binary, case in wanted
        ]
        for count, (release, case, future) in enumerate(started, 1):
            row = found[release, case.name] = future.result()
            if results.is_wrong(row):
                print(f"{release} {case.name}: {row['loaded']}", file=sys.stderr)
            if count % 100 == 0:
                rate = count / (time.monotonic() - began)
                print(f"{count} of {len(wanted)}, {rate:.1f} a second", file=sys.stderr)
    return found


def _others(
    known: dict[tuple[str, str], Row], found: dict[tuple[str, str], Row]
) -> dict[tuple[str, str], Row]:
    """The results of releases that were not tried now."""
    tried = {release for release, _ in found}
    return {key: row for key, row in known.items() if key[0] not in tried}


if __name__ == "__main__":
    sys.exit(main())
