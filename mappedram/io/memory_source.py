"""Sources without a local file: bytes in memory, and Python file objects.

Neither reports holes, so that zeros may be holes.
"""

import os
from threading import Lock
from typing import Protocol

from mappedram.errors import UnsupportedError
from mappedram.io.source import StoredSource


class BinaryFile(Protocol):
    """A seekable file object, open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes from the current position; none only at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Set the position, with `whence` as for `os.lseek`; return the new one."""
        ...


class MemorySource(StoredSource):
    """Bytes in memory, which must not change while they are read.

    Args:
        data: contiguous bytes.
        name: name for messages.

    Raises:
        TypeError: the object has no buffer of bytes.
        BufferError: the bytes are not contiguous.
    """

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "<bytes>") -> None:
        view = memoryview(data)
        if not view.c_contiguous:
            raise BufferError("expected contiguous bytes, got a memoryview with gaps")
        self._view = view.toreadonly().cast("B")
        super().__init__(name, len(self._view))

    def _stored(self, length: int, offset: int) -> bytes:
        return bytes(self._view[offset : offset + length])

    def peek(self, offset: int, length: int) -> bytes:
        """Like `read`, as memory needs no window."""
        return self.packed.read(offset, length) if self.packed else self._stored(length, offset)

    def stamp(self) -> tuple[int, int]:
        """The size; the time of the last change is unknown."""
        return len(self._view), 0

    def view(self, offset: int, length: int) -> memoryview | None:
        """As for `Source`."""
        if self.packed or not length or offset + length > self.size:
            return None
        return self._view[offset : offset + length]


class ObjectSource(StoredSource):
    """A file object, such as `io.BytesIO` or an fsspec file. It stays open; its position changes.

    Args:
        file: the object; nothing else may read from it at the same time.
        name: name for messages.

    Raises:
        UnsupportedError: it is not seekable, or is open in text mode.
        OSError: the object raises it.
    """

    def __init__(self, file: BinaryFile, name: str) -> None:
        self._file = file
        self._lock = Lock()  # between seek and read; pages are moved by several threads
        seekable = getattr(file, "seekable", None)
        if seekable is not None and not seekable():
            raise UnsupportedError(
                "a file object that is not seekable: a mapped-ram file has its pages at fixed"
                " offsets"
            )
        super().__init__(name, file.seek(0, os.SEEK_END))
        file.seek(0)
        if not isinstance(file.read(0), bytes):
            raise UnsupportedError("a file object in text mode: open it in binary mode")

    def _stored(self, length: int, offset: int) -> bytes:
        parts = []
        with self._lock:
            if length > 0:
                self._file.seek(offset)
            while length > 0:
                part = self._file.read(length)
                if not part:
                    break
                parts.append(part)
                length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def stamp(self) -> tuple[int, int]:
        """The size; the time of the last change is unknown."""
        with self._lock:
            return self._file.seek(0, os.SEEK_END), 0
