"""`python -m tools.campaign`: mutants into a real QEMU, and the model beside it.

Results are added to a file; what is there already is not done again. The exit status is 1 if the
model and QEMU disagree on a mutant.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tools.campaign import document, results
from tools.campaign.trial import Laboratory, Trial, prepare

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "verdicts.md"

_laboratory: Laboratory | None = None


def main() -> int:
    """Run and print."""
    options = _options()
    if options.document:
        DOCUMENT.write_text(document.text(options.document), encoding="utf-8")
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="campaign-") as folder:
        files = Path(folder, "good")
        prepare(options.qemu, files)
        arguments = (options.qemu, options.release, options.seed, files, Path(folder))
        if options.replay is not None:
            return _replay(arguments, options.replay)
        done = results.read(options.out)
        if options.rejudge:
            return _report(_rejudge(arguments, done, options.out))
        missing = set(range(options.start, options.start + options.count))
        missing -= {row["index"] for row in done}
        _run(arguments, sorted(missing), options.jobs, options.out)
    return _report(results.read(options.out))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.campaign", description=__doc__)
    parser.add_argument("--qemu", type=Path, default=Path("/usr/bin/qemu-system-x86_64"))
    parser.add_argument("--release", default="10.0", help="the row of the model's table")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="for the mutants")
    parser.add_argument("--replay", metavar="SEED:INDEX", help="show one mutant in full")
    parser.add_argument(
        "--rejudge",
        action="store_true",
        help="only ask the model again about the results; drop those of other good files",
    )
    parser.add_argument(
        "--document",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="only write docs/verdicts.md from results, one file for each release",
    )
    options = parser.parse_args()
    if options.replay:
        options.seed, _, index = options.replay.rpartition(":")
        options.replay = int(index)
    return options


def _run(arguments: tuple[object, ...], indices: list[int], jobs: int, out: Path) -> None:
    began = time.monotonic()
    with (
        out.open("a", encoding="utf-8") as stream,
        multiprocessing.Pool(jobs, _enter, arguments) as pool,
    ):
        for count, row in enumerate(pool.imap_unordered(_row, indices), 1):
            results.write(stream, row)
            if count % 500 == 0:
                rate = count / (time.monotonic() - began)
                print(f"{count} of {len(indices)}, {rate:.1f} a second", file=sys.stderr)


def _enter(*arguments: object) -> None:
    """Set up a worker; it ends with the pool."""
    global _laboratory
    os.nice(10)
    _laboratory = Laboratory(*arguments).__enter__()  # type: ignore[arg-type]


def _row(index: int) -> results.Row:
    assert _laboratory is not None
    return _laboratory.trial(index).to_dict()


def _rejudge(
    arguments: tuple[object, ...], rows: list[results.Row], out: Path
) -> list[results.Row]:
    """Replace what the model says in the results, and leave out mutants that are others now."""
    kept = []
    with Laboratory(*arguments) as laboratory:  # type: ignore[arg-type]
        for row in rows:
            judged = laboratory.judge(row["index"])
            if judged["mutations"] == row["mutations"]:
                kept.append(row | judged)
    with out.open("w", encoding="utf-8") as stream:
        for row in kept:
            results.write(stream, row)
    return kept


def _replay(arguments: tuple[object, ...], index: int) -> int:
    with Laboratory(*arguments) as laboratory:  # type: ignore[arg-type]
        trial = laboratory.trial(index)
    _show(trial)
    return 0 if trial.agrees else 1


def _show(trial: Trial) -> None:
    print(json.dumps(trial.to_dict(), indent=2))
    print(trial.loaded.message)


def _report(rows: Iterable[results.Row]) -> int:
    rows = list(rows)
    disagreements = [row for row in rows if not results.agrees(row)]
    print("\n".join(results.matrix(rows)))
    right, foretold = results.messages(rows)
    print(f"messages: {right} of {foretold} as foretold")
    for row in disagreements:
        print(json.dumps(row))
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
