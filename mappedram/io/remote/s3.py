"""Ranges of an object in S3, or in a store with its interface, through s3fs."""

import errno
import re
from typing import Any

from mappedram.errors import ChangedError, UnsupportedError
from mappedram.io.remote.pieces import Data
from mappedram.io.remote.ranges import AsyncRanges, changed, same_size

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


class S3Ranges(AsyncRanges):
    """An object in S3. s3fs itself tries a request again if the store is busy.

    Args:
        fs: s3fs's file system.
        path: bucket and key.
    """

    def __init__(self, fs: Any, path: str) -> None:
        super().__init__(fs)
        self._path = path
        bucket, key, version = fs.split_path(path)
        self._named = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        self._etag: str | None = None

    def begin(self, length: int) -> Data:
        """As for `Ranges`."""
        try:
            return self.run(self._get(0, length, first=True))
        except OSError as error:
            if isinstance(error, FileNotFoundError | PermissionError) or self._has_bytes():
                raise
            return []  # an empty object has no range

    def _has_bytes(self) -> bool:
        return bool(self._fs.info(self._path).get("size") != 0)

    async def get(self, start: int, end: int) -> Data:
        """As for `AsyncRanges`."""
        try:
            return await self._get(start, end, first=False)
        except OSError as error:
            if error.errno == errno.EINVAL and "pre-conditions" in str(error):
                raise changed(self._etag, "another object") from error
            raise

    async def _get(self, start: int, end: int, *, first: bool) -> Data:
        condition = {"IfMatch": self._etag} if self._etag else {}
        response = await self._fs._call_s3(  # noqa: SLF001 - what s3fs itself calls for a range
            "get_object", Range=f"bytes={start}-{end - 1}", **self._named, **condition
        )
        body = response["Body"]
        try:
            length = self._judge(response, start, end, first=first)
            data: bytes = await body.read()
        finally:
            body.close()
        if len(data) != length:
            raise ConnectionError(
                errno.EIO, f"the store sent {len(data):#x} of {length:#x} bytes of a range"
            )
        return [data]

    def _judge(self, response: Any, start: int, end: int, *, first: bool) -> int:
        """Check an answer; return the length that its body has to have."""
        told = _CONTENT_RANGE.match(response.get("ContentRange") or "")
        if told is None:
            raise UnsupportedError(
                "the store does not support ranges: it answered a request for a range with the"
                " whole object; download it first"
            )
        begin, last, size = map(int, told.groups())
        if first:
            self.size, self._etag = size, response.get("ETag")
        same_size(self.size, size)
        if response.get("ETag") != self._etag:
            raise changed(self._etag, response.get("ETag"))
        if (begin, last + 1) != (start, min(end, size)):
            raise ChangedError("the store sent another range than the one it was asked for")
        return last + 1 - begin
