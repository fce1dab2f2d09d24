"""Write guest memory in the format of LiME: consecutive ranges, each with its header."""

from mappedram.export.options import DEFAULTS, ExportOptions
from mappedram.export.page_copy import begin, write_pieces
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.format.foreign.lime import LIME_HEADER_SIZE, LimeHeader
from mappedram.guest.physical import PhysicalMap
from mappedram.io.copying import WriteTarget
from mappedram.stream.snapshot import OpenSnapshot


def to_lime(
    snapshot: OpenSnapshot,
    physical: PhysicalMap,
    fd: int,
    options: ExportOptions = DEFAULTS,
) -> WrittenMemory:
    """Write a LiME file into the empty file open as `fd`.

    Args:
        snapshot: the memory.
        physical: where it lies.
        fd: descriptor of an empty seekable file, open for writing.
        options: how memory is written.

    Raises:
        UnknownPagesError: the snapshot does not know all of the memory.
        UnsupportedError: it has none.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    memory = memory_of(snapshot, physical, partial=options.partial)
    size = sum(LIME_HEADER_SIZE + extent.size for extent, _ in memory.pieces)
    begin(fd, size, snapshot.descriptors)
    target, places, end = WriteTarget(fd), [], 0
    for extent, piece in memory.pieces:
        header = {"s_addr": extent.gpa, "e_addr": extent.end - 1}
        target.write(LimeHeader.build(header), end)
        places.append((piece, end + LIME_HEADER_SIZE))
        end += LIME_HEADER_SIZE + extent.size
    refused = write_pieces(places, fd, options)
    return WrittenMemory(refused, (), memory.unknown)
