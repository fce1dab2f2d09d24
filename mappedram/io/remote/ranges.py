"""What a remote source is made of: one object, of which a request brings one range."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from math import inf
from threading import Event, Lock
from time import monotonic
from typing import Any, TypeVar

from mappedram.errors import ChangedError
from mappedram.io.remote.pieces import Data
from mappedram.io.remote.plan import PARALLEL
from mappedram.io.remote.retrying import persistent, persistent_async

Result = TypeVar("Result")

#: File systems with an event loop, which are kept as fsspec keeps them. A process that is forked
#: would collect its copies, and so take the sockets out of the parent's epoll, which it shares.
_KEPT: dict[int, object] = {}


class Ranges(ABC):
    """An object that is read in ranges.

    Attributes:
        size: number of bytes.
        latency: seconds of the shortest request so far.
    """

    size: int = 0
    latency: float = inf

    @abstractmethod
    def begin(self, length: int) -> Data:
        """Look at the object: learn its size and its identity, and return its first bytes.

        Raises:
            UnsupportedError: it is not served in ranges.
            OSError: it cannot be read.
        """

    @abstractmethod
    def start(self, start: int, end: int) -> Future[Data]:
        """Begin to fetch the bytes [start, end), all of which are in the object.

        It is one request, which is tried again if it fails for a reason that passes. A number of
        them are under way at a time.

        Raises:
            ChangedError: it is no longer the object that `begin` saw; raised by the future.
            OSError: it cannot be read; raised by the future, or at once if it is closed.
        """

    def verify(self) -> None:  # noqa: B027 - most verify each answer
        """Make sure that the object is the one that `begin` saw.

        Raises:
            ChangedError: it is not.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Close what was opened; requests that are under way end with an error."""


class AsyncRanges(Ranges):
    """An object whose file system of fsspec makes requests in an event loop of its own.

    A few tasks of that loop make the requests, one after another. A thread or a task for each would
    take most of the time of short ones.

    Args:
        fs: the file system.
    """

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        _KEPT[id(fs)] = fs, fs.loop
        self._lock = Lock()
        #: Requests that are yet to be made, and how many tasks make them.
        self._waiting: deque[tuple[int, int, Future[Data]]] = deque()
        self._tasks = 0
        self._running: set[Future[Any]] = set()
        self._closed = False

    @abstractmethod
    async def get(self, start: int, end: int) -> Data:
        """One attempt of `start`. Raises as its future does."""

    def start(self, start: int, end: int) -> Future[Data]:
        """As for `Ranges`."""
        future: Future[Data] = Future()
        with self._lock:
            if self._closed:
                raise closed()
            self._waiting.append((start, end, future))
            if self._tasks == PARALLEL:
                return future
            self._tasks += 1
        self._in_loop(self._work())
        return future

    async def _work(self) -> None:
        """Make requests until none is waiting."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._tasks -= 1
                    return
                start, end, future = self._waiting.popleft()
            began = monotonic()
            try:
                data = await persistent_async(partial(self.get, start, end))
            except asyncio.CancelledError:
                with self._lock:
                    self._tasks -= 1
                future.set_exception(closed())
                raise
            except Exception as error:
                future.set_exception(error)
            else:
                self.latency = min(self.latency, monotonic() - began)
                future.set_result(data)

    def run(self, request: Coroutine[object, object, Result]) -> Result:
        """Make a request, and wait for it.

        Raises:
            OSError: as the request does; also if `close` ends it.
        """
        try:
            return self._in_loop(request).result()
        except CancelledError as error:
            raise closed() from error

    def _in_loop(self, request: Coroutine[object, object, Result]) -> Future[Result]:
        with self._lock:
            if self._closed:
                request.close()
                raise closed()
            future = asyncio.run_coroutine_threadsafe(request, self._fs.loop)
            self._running.add(future)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)

    def close(self) -> None:
        """As for `Ranges`."""
        with self._lock:
            self._closed = True
            running, waiting = list(self._running), list(self._waiting)
            self._waiting.clear()
        for task in running:
            task.cancel()
        for _, _, future in waiting:
            future.set_exception(closed())


class PooledRanges(Ranges):
    """An object that is read by calls which wait, each in a thread."""

    def __init__(self) -> None:
        self._stop = Event()
        self._pool: ThreadPoolExecutor | None = None

    def begin_pool(self, *, parallel: bool) -> None:
        """Start the threads: one, or one for each request that may be made at a time."""
        self._pool = ThreadPoolExecutor(PARALLEL if parallel else 1, "request")

    @abstractmethod
    def fetch(self, start: int, end: int) -> Data:
        """One attempt of `start`. Raises as its future does."""

    def start(self, start: int, end: int) -> Future[Data]:
        """As for `Ranges`."""
        if self._pool is None or self._stop.is_set():
            raise closed()
        return self._pool.submit(self._persistently, start, end)

    def _persistently(self, start: int, end: int) -> Data:
        began = monotonic()
        data = persistent(lambda: self.fetch(start, end), self._stop)
        self.latency = min(self.latency, monotonic() - began)
        return data

    def close(self) -> None:
        """As for `Ranges`."""
        self._stop.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def closed() -> OSError:
    """Error for a file that is closed while it is read."""
    return OSError("the file was closed while it was read")


def changed(was: object, now: object) -> ChangedError:
    """Error for an object that was replaced while it was read."""
    return ChangedError(f"the object was changed while it was read: it was {was}, and is now {now}")


def same_size(was: int, now: int) -> None:
    """Refuse an object of another size.

    Raises:
        ChangedError: the size differs.
    """
    if was != now:
        raise changed(f"{was:#x} bytes", f"{now:#x} bytes")
