"""Work on many files at a time, in processes of this machine.

The processes are those of `anyio.to_process`, each with a pipe of its own. Pools whose processes
share a queue (`concurrent.futures`, loky, pebble) stop working when one is killed while it holds
the lock of the queue, as an idle one does.
"""

import logging
import signal
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread
from typing import Self, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process
from anyio.from_thread import BlockingPortal

from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import FileLimits, Job, Outcome, failed, limited, prepare

_R = TypeVar("_R")
_T = TypeVarTuple("_T")
#: Signals that end a program: the main thread handles them, and the processes do not see them.
_ENDING = {signal.SIGINT, signal.SIGTERM}
#: How often to work on a file whose process dies: something else may have killed the first one.
_ATTEMPTS = 2
#: How often to try to start a process: whatever ends it, no file is to blame.
_STARTS = 20
#: What anyio raises for a process that has died; the second one while it is starting.
_DIED = (BrokenWorkerProcess, ProcessLookupError)
#: Files for each process that wait for it, so that it never waits for the results to be written.
_AHEAD = 2


class LocalPool:
    """Processes that work on files. A context manager; leaving it ends them at once.

    Args:
        jobs: how many processes.
        limits: what each file may take.
    """

    def __init__(self, jobs: int, limits: FileLimits) -> None:
        self.jobs = jobs
        self.limits = limits
        #: Processes that are yet to be started. Starting one takes longer than most files.
        self._missing = jobs
        self._ready: Future[BlockingPortal] = Future()
        # A daemon: a pool that lives as long as a Dask worker must not keep it from ending.
        self._thread = Thread(target=self._serve, name="mappedram-fleet", daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger("asyncio").addFilter(_expected)
        self._thread.start()
        self._portal = self._ready.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._portal.call(self._portal.stop, True)
        self._thread.join()
        logging.getLogger("asyncio").removeFilter(_expected)

    def run(self, job: Job, files: Iterable[FleetFile]) -> Generator[Outcome, None, None]:
        """Do a job on many files; yield what became of each, as it comes.

        Args:
            job: what to do.
            files: the files; they are taken as the work proceeds.
        """
        waiting: set[Future[Outcome]] = set()
        for file in files:
            waiting.add(self.submit(job, file))
            if len(waiting) >= _AHEAD * self.jobs:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def submit(self, job: Job, file: FleetFile) -> Future[Outcome]:
        """Do a job on one file, when a process is free."""
        return self._portal.start_task_soon(self._outcome, job, file)

    def _serve(self) -> None:
        """Run the event loop, in a thread of its own."""
        # New processes inherit the mask: Ctrl-C in a terminal would reach them as well.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        anyio.run(self._serving)

    async def _serving(self) -> None:
        self._slots = CapacityLimiter(self.jobs)
        self._processes = CapacityLimiter(self.jobs)
        async with BlockingPortal() as portal:
            self._ready.set_result(portal)
            await portal.sleep_until_stopped()

    async def _outcome(self, job: Job, file: FleetFile) -> Outcome:
        async with self._slots:
            for _ in range(_ATTEMPTS):
                try:
                    await self._start_missing()
                    with anyio.fail_after(self.limits.seconds):
                        return await self._in_process(limited, job, file, self.limits)
                except TimeoutError:
                    self._missing += 1
                    return failed(job, file, f"no result within {self.limits.seconds:g} s")
                except _DIED:
                    self._missing += 1
        return failed(job, file, "the process that worked on it died, and another one, too")

    async def _start_missing(self) -> None:
        """Start a process if one is missing: the limit of time is for the file alone.

        Raises:
            BrokenWorkerProcess: none can be started.
        """
        for attempt in range(_STARTS):
            if not self._missing:
                return
            try:
                await self._in_process(prepare, self.limits)
                self._missing = max(0, self._missing - 1)
                return
            except _DIED:
                if attempt == _STARTS - 1:
                    raise

    async def _in_process(self, function: Callable[[Unpack[_T]], _R], *args: *_T) -> _R:
        """Call a function in a process that is free, or in a new one."""
        return await to_process.run_sync(function, *args, cancellable=True, limiter=self._processes)


def _expected(record: logging.LogRecord) -> bool:
    """Drop a warning about a process that was ended here: two parts of asyncio ask how it ended."""
    return not str(record.msg).startswith("Unknown child process")
