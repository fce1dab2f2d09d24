"""Work on many files on the workers of a Dask cluster.

A task of Dask has a batch of files, because it costs a millisecond or more. On its worker, a
`LocalPool` works on them: Dask knows no limit of time, limits memory only for a whole worker, and a
worker that dies three times may have been on any file of its batch.
"""

import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Any, Self

from distributed import Client, Future, KilledWorker, as_completed, get_worker

from mappedram.errors import MappedRamError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.local import LocalPool
from mappedram.fleet.work import FileLimits, Job, Outcome, failed
from mappedram.version import __version__

#: Seconds that a batch should take, so that results come steadily and little is done twice.
_BATCH_SECONDS = 1.0
_BATCH_MAX = 200
#: Tasks for each thread of the workers that are known to the scheduler, so that none waits.
_AHEAD = 2
#: Seconds to wait for the scheduler, and for its first worker.
_PATIENCE = 30
#: Seconds after which the number of workers is asked for again.
_REFRESH = 5.0


class ClusterError(MappedRamError):
    """The cluster cannot be used."""


@dataclass(slots=True)
class _Retries:
    """Files whose task failed, though another file may be to blame.

    Attributes:
        again: files whose task had others; each gets a task of its own.
        suspects: files whose workers died, which may have worked on another file as well, in
            another thread. At the end, each is worked on while nothing else is.
        suspect: the one that is worked on now.
    """

    again: deque[FleetFile] = field(default_factory=deque)
    suspects: deque[FleetFile] = field(default_factory=deque)
    suspect: FleetFile | None = None


class Cluster:
    """Workers of a Dask cluster that work on files. A context manager.

    Args:
        address: address of the scheduler, or the path of its file, which ends with `.json`.
        limits: what each file may take.
    """

    def __init__(self, address: str, limits: FileLimits) -> None:
        self.address = address
        self.limits = limits
        self._size = 1
        self._asked = 0.0
        self._threads = 1

    def __enter__(self) -> Self:
        where = "scheduler_file" if self.address.endswith(".json") else "address"
        # What Dask logs when it is interrupted or loses the scheduler says nothing more.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self._client = Client(**{where: self.address}, set_as_default=False, timeout=_PATIENCE)
        except (OSError, ValueError, TypeError) as error:
            raise self._error(f"no connection to the scheduler: {error}") from error
        try:
            self._require_workers()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _require_workers(self) -> None:
        """Require a worker, and this version of the package on each.

        Raises:
            ClusterError: there is none, or one has another version.
        """
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise self._error(f"no worker has come within {_PATIENCE} s") from None
        told: Any = self._client.get_versions(packages=["mappedram"])
        for worker, versions in told["workers"].items():
            theirs = versions["packages"]["mappedram"]
            if theirs != __version__:
                has = f"has mappedram {theirs}" if theirs else "does not have mappedram"
                raise self._error(f"the worker {worker} {has}; expected {__version__}")

    def _error(self, message: str) -> ClusterError:
        return ClusterError(message, filename=self.address)

    def run(self, job: Job, files: Iterable[FleetFile]) -> Generator[Outcome, None, None]:
        """Do a job on many files; yield what became of each, as it comes.

        Args:
            job: what to do.
            files: the files; they are taken as the work proceeds.

        Raises:
            ClusterError: the scheduler is lost.
        """
        rest, retries = iter(files), _Retries()
        waiting: dict[Future[Any], list[FleetFile]] = {}
        done = as_completed(loop=self._client.loop)
        while True:
            while len(waiting) < self._window() and (
                batch := self._batch(rest, retries, idle=not waiting)
            ):
                future = self._client.submit(work_batch, job, batch, self.limits, pure=False)
                waiting[future] = batch
                done.add(future)
            if not waiting:
                return
            future = next(done)
            yield from self._results(job, future, waiting.pop(future), retries)

    def _batch(
        self, rest: Iterator[FleetFile], retries: "_Retries", *, idle: bool
    ) -> list[FleetFile]:
        """The files of the next task; a suspect has the cluster to itself."""
        if retries.suspect is not None:
            return []
        if retries.again:
            return [retries.again.popleft()]
        batch = list(islice(rest, self._size))
        if not batch and idle and retries.suspects:
            retries.suspect = retries.suspects.popleft()
            return [retries.suspect]
        return batch

    def _window(self) -> int:
        """How many tasks may be under way."""
        now = time.monotonic()
        if now - self._asked > _REFRESH:
            self._threads = sum(self._client.nthreads().values())
            self._asked = time.monotonic()
        return max(1, _AHEAD * self._threads)

    def _results(
        self, job: Job, future: Future[Any], batch: list[FleetFile], retries: "_Retries"
    ) -> Iterator[Outcome]:
        alone, retries.suspect = retries.suspect is not None, None
        if future.status == "finished":
            seconds, outcomes = future.result()
            self._adapt(seconds / len(batch))
            yield from outcomes
        elif future.status == "cancelled":
            raise self._error("the scheduler was lost")
        elif future.status != "error" or len(batch) > 1:  # else its worker died with the results
            retries.again.extend(batch)
        elif isinstance(future.exception(), KilledWorker) and not alone:
            retries.suspects.append(batch[0])
        else:
            yield failed(job, batch[0], _reason(future.exception()))

    def _adapt(self, seconds: float) -> None:
        """Choose the size of the next batches, from the time of one file."""
        fitting = int(_BATCH_SECONDS / max(seconds, 1e-6))
        self._size = max(1, min(fitting, 2 * self._size, _BATCH_MAX))


def _reason(error: BaseException | None) -> str:
    """Why a task failed, in words."""
    if isinstance(error, KilledWorker):
        return "every worker of the cluster that worked on it died"
    return f"the worker of the cluster failed: {type(error).__name__}: {error}"


# In a worker of the cluster.

_pools: dict[FileLimits, LocalPool] = {}
_lock = Lock()


def work_batch(
    job: Job, files: Sequence[FleetFile], limits: FileLimits
) -> tuple[float, list[Outcome]]:
    """Do a job on some files, in a process below the worker.

    Returns:
        The seconds that it took, and what became of each file.
    """
    pool = _pool(limits)
    begun = time.monotonic()
    outcomes = [pool.submit(job, file).result() for file in files]
    return time.monotonic() - begun, outcomes


def _pool(limits: FileLimits) -> LocalPool:
    """The pool of this worker, which is never left: its processes end when the worker does."""
    with _lock:
        if limits not in _pools:
            worker: Any = get_worker()
            _pools[limits] = LocalPool(worker.state.nthreads, limits).__enter__()
        return _pools[limits]
