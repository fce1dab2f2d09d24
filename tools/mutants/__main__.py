"""`python -m tools.mutants`: check that tests notice changes to the declarations and the reader.

Each change is made in a copy of the repository, and the tests run until one fails; tests that
noticed changes nearby run first. Results are appended to a file; changes in it are not tried again,
except unnoticed ones with `--again`. To use several machines, give each one a shard (`--shard
1/4`), and publish all files: `--publish FILE...` adds them to `tools/mutants/published.json`, from
which a page of the site is made.

The exit status is 1 if no test noticed a change that is not listed as equivalent
(`tools/mutants/same.py`), and 2 if a test fails without a change.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tools.campaign.plan import Shard
from tools.mutants import published
from tools.mutants.change import changes
from tools.mutants.results import Row, read
from tools.mutants.trial import ROOT, BrokenTestError, Copy, Mutant, OutOfTimeError, hash_of

#: Files to change.
TARGETS = (
    *(
        f"mappedram/format/{name}.py"
        for name in ("constants", "validity", "arithmetic", "complete", "members")
    ),
    *(f"mappedram/format/{name}.py" for name in ("stream", "section", "ram", "live", "libvirt")),
    *(f"mappedram/format/{name}.py" for name in ("file", "grammar", "vmstate")),
    *(
        f"mappedram/stream/reader/{name}.py"
        for name in ("parser", "passed", "kaitai_walk", "assemble", "footer", "vmdescription")
    ),
    "mappedram/stream/regions.py",
    "mappedram/stream/writer/build.py",
    "mappedram/stream/writer/plan.py",
)


def main() -> int:
    """Try changes, and print those that were not noticed."""
    options = _options()
    mutants = [mutant for path in options.paths or TARGETS for mutant in mutants_of(path)]
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0
    if options.publish:
        entries = published.entries_of(mutants, read(options.publish))
        published.write(published.added(published.read(), entries))
        return 0
    rows = _current(mutants, read([options.out]))
    left = chosen(mutants, options.shard, options.seed)
    left = [m for m in left if m.name not in rows or (options.again and not rows[m.name].noticed)]
    try:
        _run(left[: options.sample], rows, options)
    except BrokenTestError as error:
        print(f"python -m tools.mutants: {error}", file=sys.stderr)
        return 2
    return _told(rows, len(mutants))


def _options() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants", description=__doc__, formatter_class=raw
    )
    parser.add_argument("paths", nargs="*", help="what is changed, instead of all")
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--sample", type=int, help="at most so many")
    parser.add_argument("--seed", default="1", help="of the order in which they are tried")
    parser.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="K/N")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after that")
    parser.add_argument("--again", action="store_true", help="also what was not noticed before")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="only name the changes")
    parser.add_argument("--publish", type=Path, nargs="+", metavar="FILE", help="add results")
    return parser.parse_args()


def mutants_of(path: str) -> list[Mutant]:
    """All changes to a file."""
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    return [
        Mutant(path, hash_of(text), lines[change.line - 1].strip(), change)
        for change in changes(text)
    ]


def chosen(mutants: Sequence[Mutant], shard: Shard, seed: str) -> list[Mutant]:
    """The changes of a shard, in an order in which the first ones are a random sample."""
    shuffled = random.Random(seed).sample(mutants, len(mutants))
    return shuffled[shard.number - 1 :: shard.of]


def _current(mutants: Sequence[Mutant], rows: dict[str, Row]) -> dict[str, Row]:
    """Results for the current state of the files."""
    sources = {mutant.name: mutant.source for mutant in mutants}
    return {name: row for name, row in rows.items() if sources.get(name) == row.source}


def _run(mutants: Sequence[Mutant], rows: dict[str, Row], options: argparse.Namespace) -> None:
    """Try several changes at a time; append the results to `rows` and to the file.

    Raises:
        BrokenTestError: a test fails without a change.
    """
    copies: SimpleQueue[Copy] = SimpleQueue()
    ends = time.monotonic() + 60 * options.minutes
    lock, broken = threading.Lock(), threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        options.out.open("a", encoding="utf-8") as stream,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        for number in range(options.jobs):
            copies.put(Copy.made(Path(folder, str(number)), ends))

        def attempt(mutant: Mutant) -> None:
            if broken.is_set() or time.monotonic() > ends:
                return
            copy = copies.get()
            try:
                with lock:
                    known = list(rows.values())
                row = copy.attempt(mutant, known)
            except OutOfTimeError:
                return
            except BrokenTestError:
                broken.set()
                raise
            finally:
                copies.put(copy)
            with lock:
                rows[row.name] = row
                stream.write(row.text())
                stream.flush()
                said = f"noticed by {row.witness}" if row.noticed else "NOT NOTICED"
                print(f"{row.seconds:6.1f} s  {row.name}: {said}", file=sys.stderr)

        for _ in pool.map(attempt, mutants):
            pass


def _told(rows: dict[str, Row], mutants: int) -> int:
    left = [row for row in rows.values() if not row.noticed]
    new = sorted(row.name for row in left if not published.is_same(row))
    for name in new:
        print(f"not noticed: {name}")
    seconds = sum(row.seconds for row in rows.values()) / max(1, len(rows))
    noticed, same = len(rows) - len(left), len(left) - len(new)
    print(f"{noticed} of {len(rows)} noticed, {same} make no difference; {mutants} changes in all")
    print(f"{seconds:.1f} s for each")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
