"""What a remote source is made of: one object, of which a request brings one range."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import Any, TypeVar

from mappedram.errors import ChangedError

Result = TypeVar("Result")

#: File systems with an event loop, which are kept as fsspec keeps them. A process that is forked
#: would collect its copies, and so take the sockets out of the parent's epoll, which it shares.
_KEPT: dict[int, object] = {}


class Ranges(ABC):
    """An object that is read in ranges.

    Attributes:
        size: number of bytes.
        parallel: whether several requests may be made at a time.
    """

    size: int = 0
    parallel: bool = True

    @abstractmethod
    def begin(self, length: int) -> bytes | bytearray:
        """Look at the object: learn its size and its identity, and return its first bytes.

        Raises:
            UnsupportedError: it is not served in ranges.
            OSError: it cannot be read.
        """

    @abstractmethod
    def fetch(self, start: int, end: int) -> bytes | bytearray:
        """The bytes [start, end), all of which are in the object; one request.

        Raises:
            ChangedError: it is no longer the object that `begin` saw.
            OSError: it cannot be read.
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

    Args:
        fs: the file system.
    """

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        _KEPT[id(fs)] = fs, fs.loop
        self._lock = Lock()
        self._running: set[Future[Any]] = set()
        self._closed = False

    def run(self, request: Coroutine[object, object, Result]) -> Result:
        """Make a request, and wait for it.

        Raises:
            OSError: as the request does; also if `close` ends it.
        """
        with self._lock:
            future = asyncio.run_coroutine_threadsafe(request, self._fs.loop)
            self._running.add(future)
        if self._closed:
            future.cancel()
        try:
            return future.result()
        except CancelledError as error:
            raise OSError("the file was closed while it was read") from error
        finally:
            with self._lock:
                self._running.discard(future)

    def close(self) -> None:
        """As for `Ranges`."""
        self._closed = True
        with self._lock:
            running = list(self._running)
        for future in running:
            future.cancel()


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
