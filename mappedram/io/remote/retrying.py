"""Try a request again that failed for a reason that passes."""

import asyncio
import errno
import os
import random
from collections.abc import Awaitable, Callable
from itertools import count
from threading import Event
from typing import TypeVar

from mappedram.errors import MappedRamError

Result = TypeVar("Result")

#: Attempts, and the wait in seconds before the second one; each further wait is twice as long.
ATTEMPTS = 5
_FIRST_WAIT = 0.2
#: Longest wait in seconds, also if a server asks for more.
_LONGEST_WAIT = 10.0
#: Errors of connections, by the names of their classes: libraries that are not loaded cannot be
#: asked. Of aiohttp, botocore, the Azure SDK and requests.
_PASSING = {
    *("ClientConnectionError", "ClientPayloadError", "HTTPClientError", "IncompleteReadError"),
    *("ResponseStreamingError", "ServiceRequestError", "ServiceResponseError"),
    "ChunkedEncodingError",
}
#: Numbers of errors that libraries raise without one.
_NUMBERS: dict[type[OSError], int] = {
    FileNotFoundError: errno.ENOENT,
    PermissionError: errno.EACCES,
    IsADirectoryError: errno.EISDIR,
    TimeoutError: errno.ETIMEDOUT,
}


class PassingError(Exception):
    """A failure that may pass: the server is busy, or the connection broke.

    Attributes:
        error: the error to raise if it does not pass.
        after: seconds to wait, if the server said so.
    """

    def __init__(self, error: Exception, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


def persistent(request: Callable[[], Result], stop: Event) -> Result:
    """The result of a request, which is tried again a few times, after longer and longer waits.

    Args:
        request: makes one attempt.
        stop: ends the waits, after which nothing is tried again.

    Raises:
        MappedRamError: as the request does.
        OSError: the last attempt failed, too.
    """
    for attempt in count(1):
        try:
            return request()
        except Exception as error:
            if stop.is_set():
                raise _plain(error, attempt) from error
            stop.wait(_pause(error, attempt))
    raise AssertionError  # the last attempt returns or raises


async def persistent_async(request: Callable[[], Awaitable[Result]]) -> Result:
    """As `persistent`, in an event loop; cancelling it ends the waits."""
    for attempt in count(1):
        try:
            return await request()
        except Exception as error:
            await asyncio.sleep(_pause(error, attempt))
    raise AssertionError  # the last attempt returns or raises


def _pause(error: Exception, attempt: int) -> float:
    """Seconds to wait after an attempt that failed.

    Raises:
        Exception: it was the last one, or the reason does not pass.
    """
    if attempt == ATTEMPTS or not _passes(error):
        raise _plain(error, attempt) from error
    asked = error.after if isinstance(error, PassingError) else None
    # A random part of the time, so that many clients do not come back at once.
    usual: float = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
    return min(_LONGEST_WAIT, max(usual, asked or 0.0))


def _passes(error: Exception) -> bool:
    if isinstance(error, PassingError | ConnectionError | TimeoutError):
        return True
    return any(kind.__name__ in _PASSING for kind in type(error).__mro__)


def _plain(error: Exception, attempts: int) -> Exception:
    """The error for the caller, one of this package or of the system."""
    if isinstance(error, PassingError):
        error = error.error
    if isinstance(error, MappedRamError):
        return error
    tried = f" ({attempts} attempts)" if attempts > 1 else ""
    if isinstance(error, OSError):
        if not tried and error.strerror:
            return error
        number = next((one for kind, one in _NUMBERS.items() if isinstance(error, kind)), errno.EIO)
        usual = os.strerror(number) if number != errno.EIO else str(error)
        told = error.strerror or usual or type(error).__name__
        return OSError(error.errno or number, f"{told}{tried}")
    return OSError(errno.EIO, f"{type(error).__name__}: {error}{tried}")
