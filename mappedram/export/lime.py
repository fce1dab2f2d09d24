"""Write guest memory in the format of LiME: consecutive ranges, each with its header."""

from mappedram.export.page_copy import write_pieces
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.format.foreign.lime import LIME_HEADER_SIZE, LimeHeader
from mappedram.guest.physical import PhysicalMap
from mappedram.io import system
from mappedram.io.copying import Progress, WriteTarget
from mappedram.stream.snapshot import OpenSnapshot


def to_lime(
    snapshot: OpenSnapshot,
    physical: PhysicalMap,
    fd: int,
    *,
    channels: int = 1,
    direct_io: bool = False,
    partial: bool = False,
    progress: Progress | None = None,
) -> WrittenMemory:
    """Write a LiME file into the empty file open as `fd`.

    Args:
        snapshot: the memory.
        physical: where it lies.
        fd: descriptor of an empty seekable file, open for writing.
        channels: number of threads.
        direct_io: bypass the page cache if the file system can; most ranges are not aligned enough.
        partial: write zeros for memory that the snapshot does not know.
        progress: called with the number of bytes moved.

    Raises:
        UnknownPagesError: the snapshot does not know all of the memory.
        UnsupportedError: it has none.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    memory = memory_of(snapshot, physical, partial=partial)
    size = sum(LIME_HEADER_SIZE + extent.size for extent, _ in memory.pieces)
    system.begin(fd, 0, size, *snapshot.source.descriptors)
    target, places, end = WriteTarget(fd), [], 0
    for extent, piece in memory.pieces:
        header = {"s_addr": extent.gpa, "e_addr": extent.end - 1}
        target.write(LimeHeader.build(header), end)
        places.append((piece, end + LIME_HEADER_SIZE))
        end += LIME_HEADER_SIZE + extent.size
    system.end_at(fd, size)
    refused = write_pieces(places, fd, channels=channels, direct_io=direct_io, progress=progress)
    return WrittenMemory(refused, (), memory.unknown)
