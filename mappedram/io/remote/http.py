"""Ranges over HTTP, with the session of fsspec's file system.

Source: RFC 9110, 13.1.1 (If-Match), 14.2 (Range), 14.4 (Content-Range), 15.3.7 (206).
"""

import errno
import re
from typing import Any

from mappedram.errors import ChangedError, UnsupportedError
from mappedram.io.remote.pieces import Data
from mappedram.io.remote.ranges import AsyncRanges, changed, same_size
from mappedram.io.remote.retrying import PassingError

_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+)\s*$")
_UNSATISFIED = re.compile(r"bytes\s+\*/(\d+)\s*$")
#: Statuses that a later request may not get.
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_WHOLE, _PART, _PRECONDITION_FAILED, _UNSATISFIABLE = 200, 206, 412, 416
_REFUSED = {
    401: (errno.EACCES, "the server asks for credentials (401)"),
    403: (errno.EACCES, "the server refuses access (403)"),
    404: (errno.ENOENT, "the server has no such object (404)"),
    410: (errno.ENOENT, "the server has no such object any more (410)"),
}
#: Seconds without a byte after which a connection counts as broken.
_PATIENCE = 60
#: Bytes of a body to take from the socket before the reader has its turn.
_BUFFER = 1 << 20
#: Shorter parts of a body, on average, are joined.
_PART_MIN = 32 << 10


class HttpRanges(AsyncRanges):
    """An object that an HTTP server has.

    Args:
        fs: fsspec's file system for HTTP.
        url: the address.
    """

    def __init__(self, fs: Any, url: str) -> None:
        super().__init__(fs)
        self._url = fs.encode_url(url)
        self._identity: tuple[str, str] | None = None
        kwargs = {"read_bufsize": _BUFFER, **fs.kwargs}
        self._headers = {**kwargs.pop("headers", {}), "Accept-Encoding": "identity"}
        self._kwargs: dict[str, Any] = kwargs

    def begin(self, length: int) -> Data:
        """As for `Ranges`."""
        from aiohttp import ClientTimeout

        patience = ClientTimeout(total=None, sock_connect=_PATIENCE, sock_read=_PATIENCE)
        self._kwargs.setdefault("timeout", patience)
        return self.run(self._get(0, length, first=True))

    async def get(self, start: int, end: int) -> Data:
        """As for `AsyncRanges`."""
        return await self._get(start, end)

    async def _get(self, start: int, end: int, *, first: bool = False) -> Data:
        session = await self._fs.set_session()
        headers = {**self._headers, "Range": f"bytes={start}-{end - 1}", **self._condition()}
        async with session.get(self._url, headers=headers, **self._kwargs) as response:
            length = self._judge(response, start, end, first=first)
            return await _body(response, length)

    def _condition(self) -> dict[str, str]:
        """If-Match takes no weak ETag."""
        name, value = self._identity or ("", "")
        return {"If-Match": value} if name == "ETag" and value.startswith('"') else {}

    def _judge(self, response: Any, start: int, end: int, *, first: bool) -> int:
        """Check status and headers of an answer; return the length that its body has to have."""
        if response.status == _PART:
            length, size = _told(response, start, end)
        else:
            length, size = self._otherwise(response, end if first else 0)
        if first:
            self.size = size
            self._identity = _identity(response)
        else:
            same_size(self.size, size)
            if self._identity and _identity(response) != self._identity:
                raise changed(self._identity[1], (_identity(response) or ("", "unknown"))[1])
        return length

    def _otherwise(self, response: Any, most: int) -> tuple[int, int]:
        """Length of the body and of the object for an answer that is no part."""
        status, headers = response.status, response.headers
        if status == _PRECONDITION_FAILED:
            raise changed((self._identity or ("", ""))[1], "another object")
        if status == _UNSATISFIABLE:
            return self._beyond(headers)
        if status == _WHOLE:
            return self._whole(headers, most)
        if status in _BUSY:
            after = headers.get("Retry-After", "")
            error = OSError(errno.EIO, f"the server answered {status} {response.reason}")
            raise PassingError(error, float(after) if after.isdecimal() else None)
        number, text = _REFUSED.get(
            status, (errno.EIO, f"the server answered {status} {response.reason}")
        )
        raise OSError(number, text)

    def _beyond(self, headers: Any) -> tuple[int, int]:
        """For the answer that the range lies outside the object."""
        told = _UNSATISFIED.match(headers.get("Content-Range", ""))
        if told and int(told[1]) != self.size:
            raise changed(f"{self.size:#x} bytes", f"{int(told[1]):#x} bytes")
        if self.size:
            raise ChangedError("the server no longer has a range that it said the object has (416)")
        return 0, 0  # an empty object, which has no range

    def _whole(self, headers: Any, most: int) -> tuple[int, int]:
        """For the whole object in place of a range, which is all right if it is short."""
        length = headers.get("Content-Length", "")
        if most and length.isdecimal() and int(length) <= most and not _encoded(headers):
            return int(length), int(length)
        if not most and self._identity and _identity_of(headers) != self._identity:
            raise changed(self._identity[1], (_identity_of(headers) or ("", "unknown"))[1])
        raise UnsupportedError(
            "the server does not support ranges: it answered a request for a range with the whole"
            " object (status 200); download it first"
        )


def _told(response: Any, start: int, end: int) -> tuple[int, int]:
    """Length of the part in an answer, and size of the object."""
    if _encoded(response.headers):
        raise UnsupportedError(
            f"the server sends ranges compressed ({response.headers['Content-Encoding']}), so that"
            " their offsets mean nothing; download the object first"
        )
    told = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if told is None:
        raise UnsupportedError(
            "the server does not say which range it sends, and how long the object is:"
            f" Content-Range is {response.headers.get('Content-Range')!r}"
        )
    first, last, size = map(int, told.groups())
    if (first, last + 1) != (start, min(end, size)):
        raise PassingError(
            OSError(
                errno.EIO,
                f"the server sends bytes {first:#x} to {last + 1:#x} for a request of"
                f" {start:#x} to {end:#x}",
            )
        )
    return last + 1 - first, size


async def _body(response: Any, length: int) -> Data:
    """The body, which has to be `length` bytes."""
    chunks, done = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        done += len(chunk)
        if done > length:
            raise PassingError(OSError(errno.EIO, "the server sends more bytes than it announced"))
    if done < length:
        raise PassingError(
            OSError(errno.EIO, f"the server sent {done:#x} of {length:#x} bytes of a range")
        )
    return chunks if len(chunks) <= max(1, length // _PART_MIN) else [b"".join(chunks)]


def _encoded(headers: Any) -> bool:
    return headers.get("Content-Encoding", "identity") not in ("identity", "")


def _identity(response: Any) -> tuple[str, str] | None:
    return _identity_of(response.headers)


def _identity_of(headers: Any) -> tuple[str, str] | None:
    """What tells an object from its successor: its ETag, or the time of its last change."""
    for name in ("ETag", "Last-Modified"):
        if name in headers:
            return name, headers[name]
    return None
