"""Work on several files at a time, each in a process of its own, told in their order."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

from mappedram.cli import output

T = TypeVar("T")
R = TypeVar("R")

#: Signals that end a program.
_ENDING = {signal.SIGINT, signal.SIGTERM}
#: How many results, for each process, may wait for one that comes before them.
_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Crash:
    """Work that came to no result: `how` it ended, in words."""

    how: str


@dataclass(slots=True)
class _Task(Generic[R]):
    """A process at work, or what became of it."""

    process: ForkProcess
    receiver: Connection
    result: R | Crash | None = None

    def take(self) -> None:
        """Take what the process has sent, and let it end."""
        try:
            self.result = self.receiver.recv()
        except EOFError:
            self.process.join()
            self.result = Crash(_ending(self.process.exitcode or 0))
        self.receiver.close()
        self.process.join()

    def abandon(self) -> None:
        """End the process."""
        if self.result is None:
            self.process.kill()
            self.process.join()
            self.receiver.close()


def in_order(items: Iterable[T], work: Callable[[T], R], jobs: int) -> Iterator[R | Crash]:
    """The result of each item, in their order; `jobs` processes are at work at a time.

    Each item has a process of its own, so that one that crashes takes nothing with it.

    Args:
        items: what is to be worked on.
        work: makes the result of an item, which is pickled.
        jobs: how many processes.
    """
    tasks: deque[_Task[R]] = deque()
    rest = iter(items)
    more = True
    try:
        while more or tasks:
            running = [task for task in tasks if task.result is None]
            while more and len(running) < jobs and len(tasks) < _AHEAD * jobs:
                for item in rest:
                    running.append(_start(item, work))
                    tasks.append(running[-1])
                    break
                else:
                    more = False
            if running:  # to wait for nothing would take for ever
                _settle(running)
            while tasks and tasks[0].result is not None:
                yield tasks.popleft().result  # type: ignore[misc]  # it is not None
    finally:
        for task in tasks:
            task.abandon()


def _settle(running: list[_Task[R]]) -> None:
    """Wait until one of the processes has ended, and take the results that are there."""
    by_receiver = {task.receiver: task for task in running}
    for receiver in wait(list(by_receiver)):
        if isinstance(receiver, Connection):
            by_receiver[receiver].take()


def _start(item: T, work: Callable[[T], R]) -> _Task[R]:
    output.flush()  # or the process would write it once more
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(item, work, sender), daemon=True)
    with signals_held():  # an interrupt in a handler of the fork would be lost
        process.start()
    sender.close()  # so that its end is seen
    return _Task(process, receiver)


@contextmanager
def signals_held() -> Iterator[None]:
    """Deliver the signals that end a program only afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(item: T, work: Callable[[T], R], sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started it says what there is to say
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        result: R | Crash = work(item)
    except Exception as error:
        result = Crash(f"internal error: {type(error).__name__}: {error}")
    sender.send(result)


def _ending(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"the process that worked on it was ended by {signal.Signals(-code).name}"
    return f"the process that worked on it ended with status {code}"
