"""`python -m tools.sweep`: judge with `check` every way in which a real QEMU saves.

Results are appended to a file, and cases in it are not tried again. The exit status is 1 if `check`
finds an error in a file that its QEMU loads with the right memory, or if `mappedram` reads other
memory from it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tools.qemu import Machine, find, version
from tools.qemu.machine import NEWER
from tools.sweep import results
from tools.sweep.cases import Case, cases
from tools.sweep.guests import TABLE
from tools.sweep.trial import Row, is_false_alarm, is_misread, run


def main() -> int:
    """Run the cases, and print the results."""
    options = _options()
    known = results.read(options.out)
    done = {results.key(row) for row in known if not (options.again and _is_wrong(row))}
    if not options.summary:
        wanted = [
            (binary, qemu, case)
            for binary, qemu, case in _all(options.qemu)
            if re.search(options.only, case.name) and (qemu, case.name) not in done
        ]
        _run(wanted, options)
    rows = results.read(options.out)
    print("\n".join(results.summary(rows)))
    return 1 if any(map(_is_wrong, rows)) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.sweep", description=__doc__)
    parser.add_argument("--qemu", type=Path, metavar="FOLDER", help="the emulators in there")
    parser.add_argument(
        "--newer",
        dest="qemu",
        action="store_const",
        const=NEWER,
        help="of tools/qemu/install-newer",
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name it finds")
    parser.add_argument("--again", action="store_true", help="do again what was found wrong")
    parser.add_argument("--summary", action="store_true", help="only sum up what is there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("sweep.jsonl"))
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="for the files")
    return parser.parse_args()


def _all(folder: Path | None) -> Iterator[tuple[Path, str, Case]]:
    """Every case of every machine with an installed emulator."""
    capabilities: dict[str, list[str]] = {}
    for guest in TABLE:
        binary = find(guest.arch, beside=folder)
        if binary is None:
            print(f"{guest.name}: left out, no qemu-system-{guest.arch}", file=sys.stderr)
            continue
        if guest.arch not in capabilities:
            with Machine(binary, ["-M", "none"]) as machine:
                listed = machine.qmp("query-migrate-capabilities")
            capabilities[guest.arch] = [entry["capability"] for entry in listed]
        qemu = ".".join(map(str, version(binary)))
        for case in cases(guest, capabilities[guest.arch]):
            yield binary, qemu, case


def _run(wanted: list[tuple[Path, str, Case]], options: argparse.Namespace) -> None:
    began = time.monotonic()
    with (
        options.out.open("a", encoding="utf-8") as stream,
        ProcessPoolExecutor(options.jobs, initializer=os.nice, initargs=(10,)) as pool,
    ):
        started = {
            pool.submit(run, case, binary, options.folder): qemu for binary, qemu, case in wanted
        }
        for count, future in enumerate(as_completed(started), 1):
            row: Row = {"qemu": started[future], **future.result()}
            results.write(stream, row)
            if count % 100 == 0:
                rate = count / (time.monotonic() - began)
                print(f"{count} of {len(wanted)}, {rate:.1f} a second", file=sys.stderr)


def _is_wrong(row: Row) -> bool:
    return is_false_alarm(row) or is_misread(row)


if __name__ == "__main__":
    sys.exit(main())
