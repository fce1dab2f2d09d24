"""The interface of `import mappedram`, which joins the rooms of the package."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from mappedram.format.drivers import DriverName
from mappedram.format.drivers.base import Driver
from mappedram.io.opening import Openable
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
    file: Openable,
    offset: int = 0,
    *,
    driver: DriverName | Driver = "construct",
    partial: bool = False,
    on_pages: OnPages | None = None,
    memory: Mapping[str, Openable] | None = None,
) -> Snapshot:
    """Open a snapshot and parse its headers; bitmaps and pages are read on demand.

    Args:
        file: a path, or a URL, whose options a `RemoteName` has; the bytes of a file, also as
            `memoryview`; or an open descriptor or seekable binary file object, such as `io.BytesIO`
            or an fsspec file, which stays open. A `DiskImage` names one of several internal
            snapshots of a qcow2 image.
        offset: start of the stream; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, or any other object that reads single structures.
        partial: return the readable part of a file if not all of its RAM blocks can be found;
            `snapshot.stream.stopped` then has the reason.
        on_pages: for a stream without mapped-ram: called before its first page record with
            everything read so far and the page size. If it returns a consumer, that is called with
            every page.
        memory: files with the pages of blocks that the save left out (x-ignore-shared), by `idstr`:
            those behind the memory backends, whose byte n is byte n of the block.

    Raises:
        BackingError: there is no block of such a name, or its pages are in the snapshot.
        UnsupportedError: not a QEMU migration stream, or one that this version does not read.
        SnapshotChoiceError: a qcow2 image has no such internal snapshot, or several.
        TruncatedError: the file ends before its last RAM block.
        FormatError: a structure before the last RAM block cannot be followed.
        OSError: the file cannot be opened or read.
    """
    opened = open_snapshot(file, offset, driver=driver, partial=partial, on_pages=on_pages)
    snapshot = Snapshot(opened.source, opened.stream, opened.driver, owned=opened.owned)
    try:
        snapshot.back(memory or {})
    except BaseException:
        snapshot.close()
        raise
    return snapshot


def physical(
    file: Openable | stream_snapshot.OpenSnapshot, offset: int = 0, *, below_4g: int | None = None
) -> "PhysicalMemory":
    """The guest's physical memory in a file or an open snapshot.

    The result is a context manager, which closes the file but not a given snapshot.

    Args:
        file: as for `open`, or an open snapshot.
        offset: start of the stream; ignored for a snapshot.
        below_4g: size of RAM below 4 GiB in bytes, if known; overrides the file.

    Raises:
        UnsupportedError: the memory layout of the machine type is unknown.
        OutOfRangeError: `below_4g` is not between 1 and 4 GiB.
        MappedRamError: as `open` does.
        OSError: the file cannot be opened or read.
    """
    from mappedram.guest.physical import PhysicalMemory, physical_map

    if isinstance(file, stream_snapshot.OpenSnapshot):
        return PhysicalMemory(file, physical_map(file, below_4g))
    snapshot = open(file, offset)
    try:
        return PhysicalMemory(snapshot, physical_map(snapshot, below_4g), owned=True)
    except BaseException:
        snapshot.close()
        raise
