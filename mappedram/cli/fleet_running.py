"""What the verbs of `fleet` share: which files, on which engine, and where results go."""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import update_wrapper
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import click

from mappedram.cli import output
from mappedram.cli.options import STANDARD_OUTPUT, InPath, OutPath, size_type, with_storage
from mappedram.cli.status import UNFINISHED, TerminatedError, about
from mappedram.cli.workers import signals_held
from mappedram.cli.writing import ended_by_signals, force_option, per_file
from mappedram.fleet.inputs import FleetFile, Identity, expanded, listed
from mappedram.fleet.results import History, ResultsFile, entries
from mappedram.fleet.summary import FleetSummary
from mappedram.fleet.work import Engine, Entry, FileLimits, Job, Outcome
from mappedram.printable import plural, printable
from mappedram.view.text import table

STATUS_OF_ALL = (
    "Exit status: that of the worst file, in the order 1, 2, 63, 3, 0; and 1 if a PATTERN matches\n"
    "nothing. A file that crashes, hangs or exhausts memory has 1."
)


@dataclass(frozen=True)
class Running:
    """The options that say what is worked on, and how.

    Attributes:
        names: the files, each once; for a URL with what is known of it.
        unmatched: patterns that match nothing.
        jobs: number of processes of this machine.
        scheduler: address of a Dask scheduler, instead of processes of this machine.
        limits: what each file may take.
        out: where results go; None for standard output.
        resume: the results of an earlier run, to which those of this run are added.
        force: replace the file of results.
        form: how the summary is written: human or json.
    """

    names: dict[str, Identity | None]
    unmatched: list[str]
    jobs: int
    scheduler: str | None
    limits: FileLimits
    out: Path | None
    resume: Path | None
    force: bool
    form: str

    @property
    def results(self) -> Path | None:
        """The file with the results; None for standard output."""
        return self.out or self.resume


_OPTIONS = (
    click.argument("patterns", type=InPath(), metavar="PATTERN...", nargs=-1),
    click.option(
        "--from",
        "lists",
        type=click.Path(),
        multiple=True,
        metavar="FILE",
        help="Take names from FILE, one on each line or, if it has NUL bytes, one before each of"
        " those; - is standard input. Can be given more than once.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Work on N files at a time, each in a process of its own.  [default: that of the"
        " processors]",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Work on the Dask cluster with this scheduler, such as tcp://HOST:8786, instead of in"
        " processes of this machine.",
    ),
    click.option(
        "--time-limit",
        "seconds",
        type=click.FloatRange(0, min_open=True),
        default=300.0,
        show_default=True,
        metavar="SECONDS",
        help="End a process that has no result for a file after this time.",
    ),
    click.option(
        "--memory-limit",
        "memory",
        type=size_type,
        default="4G",
        show_default=True,
        metavar="N",
        help="Limit the address space of each process to N bytes.",
    ),
    click.option(
        "-o",
        "out",
        type=OutPath(standard_output=True),
        metavar="RESULTS",
        help="Write results to this file, which must not exist.  [default: standard output]",
    ),
    click.option(
        "--resume",
        type=OutPath(),
        metavar="RESULTS",
        help="Continue an earlier run: skip files that have a result in this file and are"
        " unchanged since, and add the results of the others. The file may be missing.",
    ),
    force_option,
)


def fleet_options(*forms: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The files and options of all verbs of `fleet`, which the verb receives as `running`.

    Args:
        forms: what else `--output` can be, beside human and json.
    """
    output_option = click.option(
        "--output",
        "form",
        type=click.Choice(["human", "json", *forms]),
        default="human",
        show_default=True,
        help="Format of the summary. Results are always JSON."
        + (" junit is a report on all files, as of `mappedram check`." if forms else ""),
    )
    return lambda command: _with_options(command, (*_OPTIONS, output_option))


def _with_options(
    command: Callable[..., int], options: Sequence[Callable[[Callable[..., int]], object]]
) -> Callable[..., int]:

    def collected(
        *,
        patterns: tuple[str, ...],
        lists: tuple[str, ...],
        seconds: float,
        memory: int,
        **given: object,
    ) -> int:
        own = {name: given.pop(name) for name in ("jobs", "scheduler", "out", "resume")}
        own |= {name: given.pop(name) for name in ("force", "form")}
        _refuse_contradictions(own)
        own["out"] = None if own["out"] == STANDARD_OUTPUT else own["out"]
        own["jobs"] = own["jobs"] or len(os.sched_getaffinity(0))
        if not (patterns or lists):
            raise click.UsageError("expected a PATTERN, or --from FILE")
        unmatched: list[str] = []
        names: dict[str, Identity | None] = {}
        for pattern in patterns:
            with about(pattern):
                names |= expanded([pattern], unmatched)
        names |= dict.fromkeys(name for name in _listed(lists) if name not in names)
        running = Running(names, unmatched, limits=FileLimits(seconds, memory), **own)  # type: ignore[arg-type]
        return command(running=running, **given)

    update_wrapper(collected, command)
    for option in reversed(options):
        option(collected)
    return collected


def _refuse_contradictions(given: dict[str, object]) -> None:
    if given["resume"] is not None and (given["force"] or given["out"] is not None):
        raise click.UsageError("--resume cannot be used with -o or --force")
    if given["scheduler"] is not None and given["jobs"] is not None:
        raise click.UsageError("--scheduler cannot be used with --jobs")
    to_file = given["resume"] is not None or given["out"] not in (None, STANDARD_OUTPUT)
    form = given["form"]
    if form != "human" and not to_file:
        raise click.UsageError(f"--output {form} is for the summary, and requires -o or --resume")


def _listed(lists: Iterable[str]) -> Iterator[str]:
    for name in lists:
        if name == "-":
            data = sys.stdin.buffer.read()
        else:
            with about(name), Path(name).open("rb") as stream:
                data = stream.read()
        yield from (with_storage(one, click.get_current_context()) for one in listed(data))


def label(verb: str, **options: object) -> str:
    """The verb with those options that are given, by which a later run knows that it is the same.

    Args:
        verb: the name of the verb.
        options: values of options by their names; a list is given more than once.
    """
    words = [verb]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name.replace('_', '-')}={one}" for one in values if one]
    return " ".join(words)


Work: TypeAlias = Callable[[Engine, Iterable[FleetFile]], Generator[Outcome, None, None]]


def run_on_all(
    job: Job,
    running: Running,
    work: Work | None = None,
    report: Callable[[Iterator[Entry]], Iterator[str]] | None = None,
) -> int:
    """Do a job on all files, write the results and the summary; return the exit status.

    Args:
        job: what to do with each file.
        running: the files, and how the work is done.
        work: does it on an engine, if that takes more than one task for each file.
        report: writes all results in another form, if that is asked for.

    Raises:
        FailureError: the results cannot be written, or those of an earlier run not be read.
    """
    run = _Run(job, running, work or (lambda engine, files: engine.run(job, files)))
    with ended_by_signals():
        try:
            run.do()
        except (KeyboardInterrupt, TerminatedError):
            run.note_rest()
            raise
    if report and running.results and running.form not in ("human", "json"):
        with about(str(running.results)):
            for piece in report(entries(running.results, running.names)):
                output.write(piece)
    else:
        run.show_summary()
    for pattern in running.unmatched:
        output.note(f"{pattern}: no such file")
    return UNFINISHED if running.unmatched else run.summary.status


@dataclass
class _Run:
    """One run of a verb."""

    job: Job
    running: Running
    work: Work
    summary: FleetSummary = field(default_factory=FleetSummary)

    def do(self) -> None:
        """Do the job on all files that have no result yet."""
        where = self.running.scheduler or "fleet"
        with about(where), self._results() as (record, history), self._engine() as engine:
            files = self._files(history)
            total = len(self.running.names) - self.summary.files
            with per_file("files", total) as step, closing(self.work(engine, files)) as outcomes:
                for outcome in outcomes:
                    record(outcome)
                    step()

    def _engine(self) -> AbstractContextManager[Engine]:
        running = self.running
        if running.scheduler is None:
            from mappedram.fleet.local import LocalPool

            return LocalPool(running.jobs, running.limits)
        if find_spec("distributed") is None:
            raise click.UsageError("--scheduler requires Dask; run pip install 'mappedram[dask]'")
        from mappedram.fleet.cluster import Cluster

        return Cluster(running.scheduler, running.limits)

    def _files(self, history: History | None) -> Iterable[FleetFile]:
        """The files that are left; those that are done are counted."""
        files = (FleetFile.named(name, known) for name, known in self.running.names.items())
        if history is None:
            return files
        left = []
        for file in files:
            earlier = history.result(file)
            if earlier is None:
                left.append(file)
            else:
                self.summary.add(earlier.status, earlier.counts)
        done, number = self.summary.files, len(self.running.names)
        output.note(f"{self.running.resume}: has results for {done} of {plural(number, 'file')}")
        return left

    @contextmanager
    def _results(self) -> Iterator[tuple[Callable[[Outcome], None], History | None]]:
        """Where results go, and what an earlier run left."""
        path, history = self.running.results, None
        if path is None:
            yield self._print, None
            return
        with about(str(path)):
            if self.running.resume is None:
                results = ResultsFile.created(path, replace=self.running.force)
            else:
                results, history = ResultsFile.resumed(path, self.job)
                if history.cut:
                    cut = plural(history.cut, "byte")
                    output.note(f"{path}: removed the last {cut}, an unfinished line")

            def append(outcome: Outcome) -> None:
                with signals_held():  # what is written is counted, too
                    results.append(outcome.text)
                    self._count(outcome)

            with closing(results):
                yield append, history

    def _print(self, outcome: Outcome) -> None:
        output.line(outcome.text)
        output.flush()
        self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        self.summary.add(outcome.status, outcome.counts)

    def note_rest(self) -> None:
        """Say how an interrupted run can be continued."""
        done = f"{self.summary.files} of {plural(len(self.running.names), 'file')} done"
        path = self.running.results
        output.note(done if path is None else f"{done}; --resume {path} continues")

    def show_summary(self) -> None:
        """The summary: on standard output if the results are elsewhere."""
        if self.running.form == "json":
            output.write_json(self.summary.to_dict(), levels=2)
            return
        show = _to_standard_error if self.running.results is None else output.line
        for line in _summary(self.summary):
            show(printable(line))


def _summary(summary: FleetSummary) -> Iterator[str]:
    yield plural(summary.files, "file")
    for title, columns, rows in summary.tables():
        yield ""
        lines = ((label, *counts) for label, counts in rows.items())
        yield from table([title, *columns], lines, " ".join(columns), output.width())


def _to_standard_error(text: str) -> None:
    click.echo(text, err=True)
