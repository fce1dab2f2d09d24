"""Write guest memory as one sparse raw file: byte n of the file is at physical address n."""

from mappedram.export.page_copy import write_pieces
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.guest.physical import PhysicalMap
from mappedram.io import system
from mappedram.io.copying import Progress
from mappedram.stream.snapshot import OpenSnapshot


def to_padded(
    snapshot: OpenSnapshot,
    physical: PhysicalMap,
    fd: int,
    *,
    channels: int = 1,
    direct_io: bool = False,
    partial: bool = False,
    progress: Progress | None = None,
) -> WrittenMemory:
    """Write guest memory into the empty file open as `fd`; there are holes between ranges.

    The file ends with RAM. Firmware behind it is left out: its address is so high that the file of
    a small PC would seem to have 4 GiB.

    Args:
        snapshot: the memory.
        physical: where it lies.
        fd: descriptor of an empty seekable file, open for writing.
        channels: number of threads.
        direct_io: bypass the page cache if the file system can.
        partial: write zeros for memory that the snapshot does not know.
        progress: called with the number of bytes moved.

    Raises:
        UnknownPagesError: the snapshot does not know all of the memory.
        UnsupportedError: it has none.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    memory = memory_of(snapshot, physical, partial=partial)
    size = max((extent.end for extent, _ in memory.pieces if extent.is_ram), default=0)
    system.begin(fd, 0, size, *snapshot.source.descriptors)
    system.end_at(fd, size)
    refused = write_pieces(
        ((piece, extent.gpa) for extent, piece in memory.pieces if extent.gpa < size),
        fd,
        channels=channels,
        direct_io=direct_io,
        progress=progress,
    )
    return WrittenMemory(refused, (), memory.unknown)
