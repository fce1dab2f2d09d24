"""The interface of `import mappedram`, which joins the rooms of the package."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from mappedram.format.drivers import DriverName
from mappedram.format.drivers.base import Driver
from mappedram.stream import snapshot as stream_snapshot
from mappedram.stream.snapshot import OnPages, open_snapshot

if TYPE_CHECKING:
    from mappedram.guest.physical import PhysicalMemory


class Snapshot(stream_snapshot.OpenSnapshot):
    """An open snapshot, with its guest's memory by physical address."""

    @cached_property
    def physical(self) -> "PhysicalMemory":
        """The guest's physical memory, mapped by `mappedram.guest.physical`.

        Raises:
            UnsupportedError: the memory layout of the machine type is unknown.
        """
        from mappedram.guest.physical import physical_memory

        return physical_memory(self)


def open(  # noqa: A001 - reads as `mappedram.open`
    path_or_fd: str | os.PathLike[str] | int,
    offset: int = 0,
    *,
    driver: DriverName | Driver = "construct",
    partial: bool = False,
    on_pages: OnPages | None = None,
) -> Snapshot:
    """Open a snapshot and parse its headers; bitmaps and pages are read on demand.

    Args:
        path_or_fd: the file, or an open descriptor, which stays open.
        offset: start of the stream; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, or any other object that reads single structures.
        partial: return the readable part of a file if not all of its RAM blocks can be found;
            `snapshot.stream.stopped` then has the reason.
        on_pages: for a stream without mapped-ram: called before its first page record with
            everything read so far and the page size. If it returns a consumer, that is called with
            every page.

    Raises:
        UnsupportedError: not a QEMU migration stream, or one that this version does not read.
        TruncatedError: the file ends before its last RAM block.
        FormatError: a structure before the last RAM block cannot be followed.
        OSError: the file cannot be opened or read.
    """
    opened = open_snapshot(path_or_fd, offset, driver=driver, partial=partial, on_pages=on_pages)
    return Snapshot(opened.source, opened.stream, opened.driver)
