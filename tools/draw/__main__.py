"""`python -m tools.draw`: draw cases by the million; none is written, and none may raise.

Each kind is drawn to the end whatever is raised. Each fault is printed with what draws it again,
and at the end a line for each kind. The exit status is 1 if there was a fault, and 130 if Ctrl-C
ended it before. With `--python`, other Pythons do the same one after the other, each in an
environment of its own (`.venv-VERSION`).
"""

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping

from tools.draw import pythons
from tools.draw.kinds import KINDS
from tools.draw.tally import Tally, chunks, draw_all

#: Seconds between two tables of a run that goes on.
_PAUSE = 60.0
_INTERRUPTED = 130


def main() -> int:
    """Draw and print."""
    options = _options()
    if options.list:
        print(*KINDS, sep="\n")
        return 0
    if options.python:
        return max(pythons.run(python, _arguments(options)) for python in options.python)
    tallies = {kind: Tally() for kind in options.kind or KINDS}
    ended = 0
    try:
        _draw(tallies, options)
    except KeyboardInterrupt:
        print("interrupted: this is what was drawn until then")
        ended = _INTERRUPTED
    print(f"Python {platform.python_version()}, seed {options.seed}, from {options.first} on")
    _show(tallies)
    return 1 if any(tally.faults for tally in tallies.values()) else ended


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.draw", description=__doc__)
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    parser.add_argument("--list", action="store_true", help="print the kinds")
    parser.add_argument("--count", type=int, default=1_000_000, help="how many of each kind")
    parser.add_argument("--first", type=int, default=0, help="which one to begin with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="print the traceback of each fault")
    parser.add_argument("--python", action="append", help="an interpreter, such as python3.13")
    options = parser.parse_args()
    for python in options.python or ():
        if not shutil.which(python):
            parser.error(f"--python: no such program: {python}")
    return options


def _arguments(options: argparse.Namespace) -> list[str]:
    """The same options for another Python."""
    kinds = [f"--kind={kind}" for kind in options.kind or ()]
    numbers = [f"--{name}={getattr(options, name)}" for name in ("count", "first", "seed", "jobs")]
    return [*kinds, *numbers, *["--trace"] * options.trace]


def _draw(tallies: Mapping[str, Tally], options: argparse.Namespace) -> None:
    shown = time.monotonic()
    wanted = chunks(tallies, options.seed, options.first, options.count)
    for drawn in draw_all(wanted, options.jobs):
        tallies[drawn.chunk.kind].add(drawn)
        for fault in drawn.faults:
            print(fault.text, *[fault.trace] * options.trace, sep="\n", flush=True)
        if time.monotonic() - shown > _PAUSE:
            print("so far:")
            _show(tallies)
            shown = time.monotonic()


def _show(tallies: Mapping[str, Tally]) -> None:
    for kind, tally in tallies.items():
        print(tally.row(kind))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
