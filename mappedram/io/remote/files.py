"""Ranges of a file in any file system of fsspec."""

import errno
from threading import Lock
from typing import Any

from mappedram.errors import UnsupportedError
from mappedram.io.remote.pieces import Data
from mappedram.io.remote.ranges import PooledRanges, changed, same_size

#: Where file systems say which version of a file there is; names differ.
_VERSIONS = (
    *("ETag", "etag", "e_tag", "generation", "md5Hash", "content_md5", "VersionId", "sha", "oid"),
    *("LastModified", "last_modified", "updated", "mtime", "modified", "created"),
)


class FileRanges(PooledRanges):
    """A file in a file system of fsspec.

    Args:
        fs: the file system.
        path: the path in it.
    """

    def __init__(self, fs: Any, path: str) -> None:
        super().__init__()
        self._fs = fs
        self._path = path
        self._lock = Lock()
        self._file: Any = None
        self._fetch: Any = None
        self._identity: object = None
        self._parallel = False

    def begin(self, length: int) -> Data:
        """As for `Ranges`."""
        info = self._fs.info(self._path)
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, "Is a directory", self._path)
        if info.get("size") is None:
            raise UnsupportedError(
                f"{self._protocol} does not say how long the file is; download it first"
            )
        self._file = self._opened()
        if not self._file.seekable():
            raise UnsupportedError(
                f"{self._protocol} cannot seek in the file, whose pages are at fixed offsets;"
                " download it first"
            )
        self.size = int(info["size"])
        self._identity = _identity(info)
        # A file of an asynchronous file system fetches a range without a position of its own.
        self._parallel = bool(self._fs.async_impl) and hasattr(self._file, "_fetch_range")
        self.begin_pool(parallel=self._parallel)
        return self.fetch(0, min(length, self.size)) if self.size else []

    @property
    def _protocol(self) -> str:
        protocol = self._fs.protocol
        return protocol if isinstance(protocol, str) else str(protocol[0])

    def _opened(self) -> Any:
        """The file, without a cache of its own if the file system lets that be chosen."""
        try:
            return self._fs.open(self._path, "rb", cache_type="none")
        except TypeError:
            return self._fs.open(self._path, "rb")

    def fetch(self, start: int, end: int) -> Data:
        """As for `PooledRanges`."""
        if self._parallel:
            data: bytes = self._file._fetch_range(start, end)  # noqa: SLF001 - one request
        else:
            data = self._read(start, end)
        if len(data) != end - start:
            raise ConnectionError(
                errno.EIO, f"{self._protocol} sent {len(data):#x} of {end - start:#x} bytes"
            )
        return [data]

    def _read(self, start: int, end: int) -> bytes:
        parts = []
        with self._lock:
            self._file.seek(start)
            while start < end and (part := self._file.read(end - start)):
                parts.append(part)
                start += len(part)
        return b"".join(parts)

    def verify(self) -> None:
        """As for `Ranges`."""
        self._fs.invalidate_cache()
        info = self._fs.info(self._path)
        same_size(self.size, int(info.get("size") or 0))
        if _identity(info) != self._identity:
            raise changed(self._identity, _identity(info))

    def close(self) -> None:
        """As for `Ranges`."""
        super().close()
        if self._file is not None:
            self._file.close()


def _identity(info: dict[str, Any]) -> str | None:
    """Version of a file, if its file system says one."""
    return next((f"{name} {info[name]}" for name in _VERSIONS if info.get(name)), None)
