"""`python -m tools.draw`: draw cases by the million; none is written, and none may raise.

Each kind is drawn to the end, whatever it raises. Each fault is printed with a way to draw it
again, and at the end a line for each kind. The exit status is 1 if there was a fault, 130 if Ctrl-C
ended it early, and 2 for other errors. With `--python`, other Pythons then do the same, each in an
environment of its own (`.venv-VERSION`).

With `--ledger`, drawn cases are recorded in a file, and only cases that this Python has not drawn
yet are drawn, so that a million can be reached in several runs (`--minutes`). Other machines begin
elsewhere (`--first`), and `--merge` combines their ledgers.
"""

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from mappedram.fleet.work import spare_the_collector
from tools import keeping
from tools.draw import document, ledger, pythons
from tools.draw.kinds import KINDS
from tools.draw.ledger import Entry, LedgerError
from tools.draw.tally import Drawn, Tally, chunks, draw_all

#: Seconds between two tables of a long run, and between two writes of the ledger.
_PAUSE, _KEEP = 60.0, 5.0
_INTERRUPTED, _IMPOSSIBLE = 130, 2


def main() -> int:
    """Draw, and print the results."""
    options = _options()
    if options.list:
        print(*KINDS, sep="\n")
        return 0
    try:
        if options.document:
            document.write()
            return 0
        if options.merge:
            return _merge(options)
        if options.python:
            return max(pythons.run(python, _arguments(options)) for python in options.python)
        return _run(options)
    except LedgerError as error:
        print(f"python -m tools.draw: {error}", file=sys.stderr)
        return _IMPOSSIBLE


def _run(options: argparse.Namespace) -> int:
    tallies = {kind: Tally() for kind in options.kind or KINDS}
    kept = _Kept(options.ledger, options.seed)
    ended = 0
    try:
        _draw(tallies, options, kept)
    except KeyboardInterrupt:
        print("interrupted: this is what was drawn until then")
        ended = _INTERRUPTED
    finally:
        kept.write()
    print(f"Python {platform.python_version()}, seed {options.seed}, from {options.first} on")
    _show(tallies)
    _tell_missing(kept, options)
    return 1 if any(tally.faults for tally in tallies.values()) else ended


def _merge(options: argparse.Namespace) -> int:
    others = [entry for path in options.merge for entry in ledger.read(path)]
    entries = ledger.add(options.ledger, others)
    for version in sorted({entry.python for entry in entries}, key=ledger.numbers):
        _tell_missing(_Kept(options.ledger, options.seed, version), options)
    return 1 if ledger.faults(entries) else 0


class _Kept:
    """Recorded cases of this and other Pythons; none without a ledger."""

    def __init__(
        self, path: Path | None, seed: int, python: str = platform.python_version()
    ) -> None:
        self.path = path
        self.python = python
        self._seed = seed
        self._entries = ledger.read(path) if path else []
        self._commit = keeping.commit(ledger.PUBLISHED, document.PAGE) if path else ""
        self._new: list[Entry] = []
        self._written = time.monotonic()

    def add(self, drawn: Drawn) -> None:
        """Record a chunk; it is written later."""
        if self.path is None:
            return
        chunk, faults = drawn.chunk, [fault.drawing.number for fault in drawn.faults]
        self._new.append(
            Entry(
                self.python,
                chunk.kind,
                chunk.seed,
                self._commit,
                [(chunk.first, chunk.first + chunk.count)],
                tuple(number for number in faults if number is not None),
            )
        )
        if time.monotonic() - self._written > _KEEP:
            self.write()

    def write(self) -> None:
        """Write the recorded chunks."""
        if self.path is not None:
            self._entries = ledger.add(self.path, ledger.added((), self._new))
            self._new, self._written = [], time.monotonic()

    def missing(self, kind: str, first: int, count: int) -> ledger.Ranges:
        """Cases still to be drawn."""
        span = first, first + count
        return ledger.missing(self._entries, self.python, kind, self._seed, span)


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
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--ledger", type=_path, help="what was drawn, and is not drawn again")
    parser.add_argument(
        "--merge", type=Path, action="append", help="add another ledger to that, and draw nothing"
    )
    parser.add_argument(
        "--document", action="store_true", help="write the table in docs/fuzzing.md, and no more"
    )
    options = parser.parse_args()
    if options.merge and not options.ledger:
        parser.error("--merge: add to which --ledger?")
    for python in options.python or ():
        if not shutil.which(python):
            parser.error(f"--python: no such program: {python}")
    return options


def _path(text: str) -> Path:
    """An absolute path, which is valid for a process in any directory."""
    return Path(text).resolve()


def _arguments(options: argparse.Namespace) -> list[str]:
    """The same options for another Python."""
    kinds = [f"--kind={kind}" for kind in options.kind or ()]
    names = ("count", "first", "seed", "jobs", "minutes", "ledger")
    given = ((name, getattr(options, name)) for name in names)
    values = [f"--{name}={value}" for name, value in given if value is not None]
    return [*kinds, *values, *["--trace"] * options.trace]


def _draw(tallies: Mapping[str, Tally], options: argparse.Namespace, kept: _Kept) -> None:
    began = shown = time.monotonic()
    wanted = {kind: kept.missing(kind, options.first, options.count) for kind in tallies}
    with closing(draw_all(chunks(wanted, options.seed), options.jobs)) as drawing:
        for drawn in drawing:
            tallies[drawn.chunk.kind].add(drawn)
            kept.add(drawn)
            for fault in drawn.faults:
                print(fault.text, *[fault.trace] * options.trace, sep="\n", flush=True)
            if time.monotonic() - shown > _PAUSE:
                print("so far:")
                _show(tallies)
                shown = time.monotonic()
            if options.minutes and time.monotonic() - began > 60 * options.minutes:
                break


def _tell_missing(kept: _Kept, options: argparse.Namespace) -> None:
    """Print the wanted cases that the ledger lacks."""
    if kept.path is None:
        return
    wanted = {
        kind: ledger.count(kept.missing(kind, options.first, options.count))
        for kind in options.kind or KINDS
    }
    lacking = ", ".join(f"{kind} {number:,}" for kind, number in wanted.items() if number)
    print(f"Python {kept.python}: missing: {lacking or 'nothing'}")


def _show(tallies: Mapping[str, Tally]) -> None:
    for kind, tally in tallies.items():
        print(tally.row(kind))
    sys.stdout.flush()


if __name__ == "__main__":
    spare_the_collector()
    sys.exit(main())
