"""A local file or block device as a source."""

import os
import stat
from collections.abc import Iterator, Sequence

from mappedram.errors import UnsupportedError
from mappedram.io import system
from mappedram.io.source import StoredSource

_REFUSED = {stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR}


class FileSource(StoredSource):
    """An open local file.

    Args:
        fd: descriptor of the file.
        name: name for messages.
        owned: whether `close` closes the descriptor.

    Attributes:
        fd: descriptor of the file; -1 after `close`.

    Raises:
        OSError: it is a directory, or the system does not report its size.
        UnsupportedError: it is not seekable: a mapped-ram file has pages at fixed offsets.
    """

    def __init__(self, fd: int, name: str, *, owned: bool) -> None:
        self._refuse_unseekable(fd, name)
        super().__init__(name, system.size_of(fd))
        self.fd = fd
        self.is_device = system.is_device(fd)
        self.descriptors = (fd,)
        self._owned = owned
        self._mapped: memoryview | None = None
        self._can_map = True

    @staticmethod
    def _refuse_unseekable(fd: int, name: str) -> None:
        kind = system.kind_of(fd)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(21, os.strerror(21), name)
        if kind in _REFUSED:
            raise UnsupportedError(
                f"{system.KINDS[kind]}, which cannot seek: a mapped-ram file has its pages at fixed"
                " offsets and must be a regular file or a block device"
            )

    def _stored(self, length: int, offset: int) -> bytes:
        return system.read(self.fd, length, offset)

    def _extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        if self.is_device:
            return super()._extents(start, end)
        return system.extents(self.fd, start, end, self.size)

    def fill_at_once(self, views: Sequence[memoryview], offset: int) -> bool:
        """As for `Source`."""
        return self.packed is None and system.read_into(self.fd, views, offset)

    def stamp(self) -> tuple[int, int]:
        """As for `Source`; a device has no time of change."""
        return system.stamp_of(self.fd)

    @property
    def allocated(self) -> int:
        """Bytes that the file takes on disk, without holes."""
        return system.allocated_size(self.fd)

    @property
    def hides_holes(self) -> bool:
        """Whether the system reports no holes although the file takes less room than its size."""
        whole = (0, self.size)
        return self.is_device or (
            self.allocated < self.size and next(self.extents(*whole), None) == whole
        )

    def view(self, offset: int, length: int) -> memoryview | None:
        """As for `Source`; some file systems cannot map files."""
        if self.packed or not length or offset + length > self.size:
            return None
        if self._mapped is None and self._can_map:
            mapped = system.map_file(self.fd, self.size)
            self._mapped = memoryview(mapped) if mapped is not None else None
            self._can_map = mapped is not None
        return None if self._mapped is None else self._mapped[offset : offset + length]

    def share(self, start: int, end: int, target: int, place: int) -> bool:
        """As for `Source`."""
        return system.share(self.fd, start, end, target, place)

    def copy_to(self, target: int, length: int, start: int, place: int) -> int:
        """As for `Source`."""
        return system.copy_range(self.fd, target, length, start, place)

    def open_again(self, offset: int) -> int:
        """As for `Source`."""
        return system.open_again(self.fd, offset)

    def close(self) -> None:
        """Close the file if it is owned."""
        if self._owned and self.fd >= 0:
            system.release(self.fd)
            self.fd = -1
