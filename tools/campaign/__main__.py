"""`python -m tools.campaign`: load mutants with real QEMUs, and compare with the model.

    run      load and judge; results are appended to a file, and not computed again
    replay   one mutant in full
    rejudge  only ask the model again
    merge    summarise several files of results
    publish  add files of results to tools/campaign/published.json, and write docs/verdicts.md
    document only write docs/verdicts.md

To use several machines, give each one a shard (`run --shard 1/4`), and merge or publish all files.
The exit status is 1 if the model and a QEMU disagree without an explanation, or if a QEMU has
different outcomes for the same mutant; 2 for other errors.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mappedram.fuzz.mutable_fields import KINDS
from mappedram.qemu.run.guests import GUESTS
from tools import keeping
from tools.campaign import document, published, results
from tools.campaign.emulators import Emulator, distinct
from tools.campaign.explained import explanation_of
from tools.campaign.plan import Plan, Shard
from tools.campaign.results import Row
from tools.campaign.seeds import MAPPED, PLAIN, SEEDS
from tools.campaign.trial import Laboratory, Setting, prepare

DOCUMENT = keeping.ROOT / "docs" / "verdicts.md"
_QEMU = Path("/usr/bin/qemu-system-x86_64")
_REPORTED = 500

_laboratory: Laboratory | None = None


def main() -> int:
    """Run the subcommand."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _parser().parse_args()
    try:
        return int(options.verb(options))
    except (results.ResultsError, ValueError) as error:
        print(f"python -m tools.campaign: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tools.campaign", description=__doc__, formatter_class=raw
    )
    verbs = parser.add_subparsers(required=True)
    planned = _planned()

    run = verbs.add_parser("run", parents=[planned])
    run.add_argument("--count", type=int, default=1000, help="mutants of the whole plan")
    run.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="K/N", help="a part")
    run.add_argument("--jobs", type=int, default=os.cpu_count(), help="QEMUs at a time")
    run.add_argument("--minutes", type=float, help="stop after so long; a later run goes on")
    run.set_defaults(verb=_run)

    replay = verbs.add_parser("replay", parents=[planned])
    replay.add_argument("index", type=int)
    replay.set_defaults(verb=_replay)

    rejudge = verbs.add_parser("rejudge", parents=[planned])
    rejudge.set_defaults(verb=_rejudge)

    for name, verb in (("merge", _merge), ("publish", _publish)):
        several = verbs.add_parser(name)
        several.add_argument("results", nargs="+", type=Path)
        several.set_defaults(verb=verb)
    verbs.add_parser("document").set_defaults(verb=_document)
    return parser


def _planned() -> argparse.ArgumentParser:
    """Options that select mutants and QEMUs."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--qemu",
        type=Path,
        action="append",
        help="an emulator; several may be given, the first of each target saves the good files",
    )
    parser.add_argument("--release", help="the row of the model's table, if not by the version")
    parser.add_argument("--guest", action="append", choices=sorted(GUESTS), help="default: all")
    parser.add_argument("--form", action="append", choices=(MAPPED, PLAIN), help="default: both")
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    parser.add_argument(
        "--seed", default="2", help="which mutants; the default is that of the page"
    )
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"), help="the results")
    parser.add_argument("--good", type=Path, help="folder of the good files; default: beside --out")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="for the mutants")
    return parser


def _setting(options: argparse.Namespace, plan: Plan | None = None) -> Setting:
    """The selected campaign, with its good files made.

    Args:
        options: of the command line.
        plan: the plan of existing results; None for that of the options.

    Raises:
        ValueError: the QEMUs do not suit, or no good file does.
    """
    binaries = options.qemu or [_QEMU]
    emulators = distinct(Emulator.of(binary, options.release) for binary in binaries)
    targets = {one.arch for one in emulators}
    plan = plan or _plan(options, targets)
    archs = {seed.name: seed.arch for seed in SEEDS}
    files = [name for name in plan.files if archs[name] in targets]
    if not files:
        raise ValueError("no good file is of these guests, forms and targets")
    good = options.good or options.out.with_suffix(".good")
    prepare(emulators, files, good)
    return Setting(emulators, plan, good, keeping.commit())


def _plan(options: argparse.Namespace, targets: Container[str]) -> Plan:
    files = tuple(
        seed.name
        for seed in SEEDS
        if seed.arch in targets
        and seed.guest in (options.guest or GUESTS)
        and seed.form in (options.form or (seed.form,))
    )
    return Plan(options.seed, files, tuple(k for k in KINDS if k in (options.kind or KINDS)))


# Loading.


def _run(options: argparse.Namespace) -> int:
    setting = _setting(options)
    plan = setting.plan
    with results.adding(options.out, plan, options.shard) as (stream, rows):
        jobs = list(missing(setting, rows, options.shard.indices(plan, options.count)))
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(dir=options.folder, prefix="campaign-") as folder,
            multiprocessing.Pool(options.jobs, _enter, (setting, Path(folder))) as pool,
        ):
            for count, found in enumerate(pool.imap_unordered(_rows, jobs), 1):
                results.write(stream, found)
                seconds = time.monotonic() - began
                if count % _REPORTED == 0:
                    rate = count / seconds
                    print(f"{count} of {len(jobs)} mutants, {rate:.1f} a second", file=sys.stderr)
                if options.minutes and seconds > 60 * options.minutes:
                    break
    return _report(results.read(options.out).rows)


#: The number of a mutant, and the QEMUs that load it.
Job = tuple[int, tuple[Emulator, ...]]


def missing(setting: Setting, rows: Iterable[Row], indices: Iterable[int]) -> Iterable[Job]:
    """For each mutant, the QEMUs that have not loaded it yet."""
    archs = {seed.name: seed.arch for seed in SEEDS}
    done = {(row.index, row.arch, row.version) for row in rows}
    for index in indices:
        arch = archs[setting.plan.file_of(index)]
        left = tuple(
            one
            for one in setting.emulators
            if one.arch == arch and (index, one.arch, one.version) not in done
        )
        if left:
            yield index, left


def _enter(setting: Setting, folder: Path) -> None:
    """Set up a worker; it ends with the pool."""
    global _laboratory
    os.nice(10)
    _laboratory = Laboratory(setting, folder).__enter__()


def _rows(job: Job) -> list[Row]:
    assert _laboratory is not None
    return _laboratory.trial(*job)


def _replay(options: argparse.Namespace) -> int:
    plan = results.read(options.out).plan if options.out.exists() else None
    setting = _setting(options, plan)
    with (
        tempfile.TemporaryDirectory(dir=options.folder, prefix="campaign-") as folder,
        Laboratory(setting, Path(folder)) as laboratory,
    ):
        rows = laboratory.trial(options.index)
    for row in rows:
        print(row.to_json())
        print(row.said)
    return 0 if all(row.agrees for row in rows) else 1


def _rejudge(options: argparse.Namespace) -> int:
    """Replace the model's answers in the results; drop mutants that have changed."""
    known = results.read(options.out)
    setting = _setting(options, known.plan)
    with (
        results.adding(options.out, setting.plan, known.shard) as (_, rows),
        tempfile.TemporaryDirectory(dir=options.folder, prefix="campaign-") as folder,
        Laboratory(setting, Path(folder)) as laboratory,
    ):
        kept = [judged for row in rows if (judged := laboratory.judge(row))]
        results.replace_rows(options.out, setting.plan, known.shard, kept)
    print(f"{len(rows) - len(kept)} of {len(rows)} results were of other mutants", file=sys.stderr)
    return _report(kept)


# Results.


def _merge(options: argparse.Namespace) -> int:
    return _report(row for path in options.results for row in results.read(path).rows)


def _publish(options: argparse.Namespace) -> int:
    found = [results.read(path) for path in options.results]
    date = datetime.now(UTC).date().isoformat()
    known, new = published.read(published.PUBLISHED), published.entries_of(found, date)
    published.write(published.added(known, new), published.PUBLISHED)
    _document(options)
    return _report(row for one in found for row in one.rows)


def _document(_: argparse.Namespace) -> int:
    DOCUMENT.write_text(document.text(published.read(published.PUBLISHED)), encoding="utf-8")
    return 0


def _report(rows: Iterable[Row]) -> int:
    merged = results.merge(rows)
    for version in sorted({row.version for row in merged.rows}):
        of_it = [row for row in merged.rows if row.version == version]
        right, foretold = published.messages(of_it)
        print(f"QEMU {version}: {len(of_it):,} mutants")
        print("\n".join(document.matrix((row.outcome, row.model, 1) for row in of_it)))
        print(f"messages: {right:,} of {foretold:,} as foretold")
    differing = [row for row in merged.rows if not row.agrees]
    unexplained = [row for row in differing if explanation_of(row) is None]
    _list("differ, and nothing explains it", unexplained)
    _list("came to several ends in the same QEMU", merged.contradictory)
    print(f"{len(differing):,} differ, {len(unexplained):,} of them unexplained")
    return 1 if unexplained or merged.contradictory else 0


def _list(what: str, rows: Sequence[Row]) -> None:
    for row in rows:
        print(f"{what}: {row.to_json()}")


if __name__ == "__main__":
    sys.exit(main())
