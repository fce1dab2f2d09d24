"""Try files on a target in parallel, up to a limit, and keep one of each failure."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import NamedTuple

from mappedram.fuzz.cases import Case, Cases
from mappedram.fuzz.faults import Fault, Faults, fault_of
from mappedram.fuzz.minimise import Fails, minimise
from mappedram.fuzz.report import FILE, FoundFailure, places
from mappedram.fuzz.targets import FuzzTarget, Observation, Worker

#: Limits for minimising one failure: seconds, and tries. A hanging target takes its full time limit
#: on each try.
_MINIMISING = 30.0
_TRIES, _TRIES_HANGING = 80, 16
#: Interval in seconds at which the main thread checks for signals.
_PULSE = 0.5


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Limits of a run: number of files, or seconds; None for no limit."""

    executions: int | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Summary:
    """State of a run.

    Attributes:
        executions: number of files tried, without those for minimising.
        seconds: since the beginning.
        kinds: number of outcomes of each kind.
        found: one of each failure.
        faults: files that could not be drawn, and so were not tried.
    """

    executions: int = 0
    seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    found: list[FoundFailure] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)


#: Callback for each new failure, one at a time.
OnFound = Callable[[FoundFailure], object]
#: Callback for the first faults of each kind, one at a time.
OnFault = Callable[[Fault], object]
#: Callback after each file.
OnProgress = Callable[[Summary], object]


def run(
    target: FuzzTarget,
    *,
    seed: int,
    budget: RunLimits,
    first: int = 0,
    jobs: int = 1,
    on_found: OnFound,
    on_fault: OnFault | None = None,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Try files on a target. A file that cannot be drawn is counted, and the run continues.

    Args:
        target: the target.
        seed: selects the files.
        budget: when to end; files that cannot be drawn count.
        first: number of the first file.
        jobs: number of files tried at a time.
        on_found: called with each failure that differs from those before.
        on_fault: called with the first faults that kept a file from being drawn.
        on_progress: called with the summary after each file.

    Raises:
        MappedRamError: the target gives no files to try.
        OSError: it cannot be tried.
    """
    cases = target.cases(seed)
    cases.number = first
    campaign = _Campaign(target, cases, budget, _Listeners(on_found, on_fault, on_progress))
    with TemporaryDirectory(prefix="mappedram-fuzz-") as folder:
        places_to_work = [Path(folder) / str(number) for number in range(jobs)]
        with ThreadPoolExecutor(jobs, "fuzz") as executor:
            try:
                threads = [executor.submit(campaign.serve, place) for place in places_to_work]
                # A signal just before a wait does not interrupt it, so each wait has a timeout.
                while wait(threads, _PULSE).not_done:
                    pass
                for thread in threads:
                    thread.result()
            finally:
                campaign.stop.set()
    return campaign.summary


class _Listeners(NamedTuple):
    """Callbacks of a run."""

    found: OnFound
    fault: OnFault | None
    progress: OnProgress | None


class _Campaign:
    """State that the threads of a run share."""

    def __init__(
        self, target: FuzzTarget, cases: Cases, budget: RunLimits, listeners: _Listeners
    ) -> None:
        self.summary = Summary()
        self.stop = Event()
        self._target = target
        self._cases = cases
        self._budget = budget
        self._listeners = listeners
        self._seen: set[tuple[str, ...]] = set()
        self._attempts = 0
        self._drawing, self._counting = Lock(), Lock()
        self._began = time.monotonic()

    def serve(self, folder: Path) -> None:
        """Try files until a limit is reached; on one thread."""
        folder.mkdir()
        try:
            with self._target.worker(folder) as worker:
                for index, case in self._drawn():
                    observation = worker.observe(case)
                    executions = self._count(observation)
                    if observation.failed and not self._is_known(case, observation):
                        self._examine(worker, case, observation, index, executions)
        except BaseException:
            self.stop.set()
            raise

    def _drawn(self) -> Iterator[tuple[int, Case]]:
        while not self.stop.is_set():
            with self._drawing:
                if self._is_enough():
                    return
                self._attempts += 1
                index, drawn = self._cases.attempt()
            if isinstance(drawn, Fault):
                self._count_fault(drawn)
            else:
                yield index, drawn

    def _is_enough(self) -> bool:
        budget = self._budget
        return (budget.executions is not None and self._attempts >= budget.executions) or (
            budget.seconds is not None and self._elapsed() >= budget.seconds
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _count(self, observation: Observation) -> int:
        with self._counting:
            summary = self.summary
            summary.executions += 1
            summary.seconds = self._elapsed()
            summary.kinds[observation.kind] = summary.kinds.get(observation.kind, 0) + 1
            self._tell_progress()
            return summary.executions

    def _count_fault(self, fault: Fault) -> None:
        with self._counting:
            self.summary.seconds = self._elapsed()
            if self.summary.faults.add(fault) and self._listeners.fault:
                self._listeners.fault(fault)
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._listeners.progress:
            self._listeners.progress(self.summary)

    def _is_known(self, case: Case, observation: Observation) -> bool:
        """Whether one field of the file alone is known to fail like this."""
        alone = {(observation.kind, observation.sign, place) for place in places(case)}
        with self._counting:
            return not alone.isdisjoint(self._seen)

    def _examine(
        self, worker: Worker, case: Case, observation: Observation, index: int, executions: int
    ) -> None:
        """Minimise a failure, and report it if it is still new."""
        seconds, deadline = self._elapsed(), self._elapsed() + _MINIMISING
        last = observation

        def fails(candidate: Case) -> bool:
            nonlocal last
            if self.stop.is_set() or self._elapsed() >= deadline:
                return False
            seen = worker.observe(candidate)
            same = (seen.kind, seen.sign) == (observation.kind, observation.sign)
            last = seen if same else last
            return same

        tries = _TRIES_HANGING if observation.kind == "hangs" else _TRIES
        plain = self._plainest(case, fails, tries, index)
        found = FoundFailure(
            plain,
            replace(last, seconds=observation.seconds),
            self._target.name,
            self._target.command(FILE, plain.clean.offset),
            self._cases.seed,
            index,
            executions,
            seconds,
        )
        with self._counting:
            if found.key not in self._seen:
                self._seen.add(found.key)
                self.summary.found.append(found)
                self._listeners.found(found)

    def _plainest(self, case: Case, fails: Fails, tries: int, index: int) -> Case:
        """The simplest file with the same failure; the case itself if there is none."""
        try:
            return minimise(case, fails, tries)
        except OSError:  # the target cannot be tried
            raise
        except Exception as error:
            self._count_fault(fault_of(error, self._cases.named(index, "a plainer file than ")))
            return case
