"""The interface of `import mappedram`, which joins the rooms of the package."""

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
) -> Snapshot:
    """Open a snapshot and parse its headers; bitmaps and pages are read on demand.

    Args:
        file: a path; bytes, or a `memoryview`, of a whole file; or what is open already and stays
            so: a descriptor, or a binary file object that can be seeked in, such as `io.BytesIO` or
            a file of fsspec.
        offset: where the stream begins; offsets in its headers count from byte 0 all the same.
        driver: `construct` or `kaitai`, or whatever else reads single structures.
        partial: return what could be read of a file whose RAM blocks cannot all be found; the
            reason is then in `snapshot.stream.stopped`.
        on_pages: of a stream without mapped-ram, called before its first page record with what was
            read until then and the size of a page; what it returns, if anything, is given each
            page as it passes by.

    Raises:
        UnsupportedError: not a QEMU migration stream, or one that this version does not read.
        TruncatedError: the file ends before its last RAM block.
        FormatError: a structure before the last RAM block cannot be followed.
        OSError: the file cannot be opened or read.
    """
    opened = open_snapshot(file, offset, driver=driver, partial=partial, on_pages=on_pages)
    return Snapshot(opened.source, opened.stream, opened.driver, owned=opened.owned)


def physical(
    file: Openable | stream_snapshot.OpenSnapshot, offset: int = 0, *, below_4g: int | None = None
) -> "PhysicalMemory":
    """The guest's physical memory of a file, or of a snapshot that is open.

    Used in a `with` block, it closes the file in the end, but not a snapshot that was given.

    Args:
        file: what `open` takes, or an open snapshot.
        offset: where the stream begins; a snapshot knows.
        below_4g: how many bytes of RAM lie below 4 GiB, where that is known; it goes before what
            the file says.

    Raises:
        UnsupportedError: nothing is known of where the machine type has its memory.
        ValueError: `below_4g` is not between 1 and 4 GiB.
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
