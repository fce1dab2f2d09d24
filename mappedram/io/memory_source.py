"""Sources that are no file of this machine: bytes in memory, and file objects of Python.

Neither tells of holes, so that zeros may have been some.
"""

import os
from threading import Lock
from typing import Protocol

from mappedram.errors import UnsupportedError
from mappedram.io.source import StoredSource


class BinaryFile(Protocol):
    """A file object that is open for reading bytes, and that can be seeked in."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes from where it stands on; none only at its end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to an offset, by `whence` as `os.lseek` has it; where that is."""
        ...


class MemorySource(StoredSource):
    """Bytes in memory, which must not change as long as they are read.

    Args:
        data: anything that gives its bytes in one piece.
        name: what messages call it.

    Raises:
        TypeError: it gives no bytes.
        BufferError: they do not stand in one piece.
    """

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "<bytes>") -> None:
        view = memoryview(data)
        if not view.c_contiguous:
            raise BufferError("a memoryview with gaps: expected bytes in one piece")
        self._view = view.toreadonly().cast("B")
        super().__init__(name, len(self._view))

    def _stored(self, length: int, offset: int) -> bytes:
        return bytes(self._view[offset : offset + length])

    def peek(self, offset: int, length: int) -> bytes:
        """Like `read`: nothing is gained by a window."""
        return self.read(offset, length)

    def stamp(self) -> tuple[int, int]:
        """The size; nothing tells when the bytes were changed."""
        return len(self._view), 0

    def view(self, offset: int, length: int) -> memoryview | None:
        """See `Source.view`."""
        if self.packed or not length or offset + length > self.size:
            return None
        return self._view[offset : offset + length]


class ObjectSource(StoredSource):
    """A file object, such as `io.BytesIO` or a file of fsspec. It stays open, and is moved.

    Args:
        file: the object; nobody else may read from it meanwhile.
        name: what messages call it.

    Raises:
        UnsupportedError: it cannot be seeked in, or gives text.
        OSError: it says so.
    """

    def __init__(self, file: BinaryFile, name: str) -> None:
        self._file = file
        self._lock = Lock()  # between seek and read; pages are moved by several threads
        seekable = getattr(file, "seekable", None)
        if seekable is not None and not seekable():
            raise UnsupportedError(
                "a file object that cannot be seeked in: a mapped-ram file keeps its pages at"
                " fixed offsets"
            )
        super().__init__(name, file.seek(0, os.SEEK_END))
        file.seek(0)
        if not isinstance(file.read(0), bytes):
            raise UnsupportedError("a file object that gives text: open it in binary mode")

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
        """The size; nothing tells when the bytes were changed."""
        with self._lock:
            return self._file.seek(0, os.SEEK_END), 0
