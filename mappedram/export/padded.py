"""Write guest memory as one sparse raw file: byte n of the file is at physical address n."""

from mappedram.export.options import DEFAULTS, ExportOptions
from mappedram.export.page_copy import begin, write_pieces
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.guest.physical import PhysicalMap
from mappedram.stream.snapshot import OpenSnapshot


def to_padded(
    snapshot: OpenSnapshot,
    physical: PhysicalMap,
    fd: int,
    options: ExportOptions = DEFAULTS,
) -> WrittenMemory:
    """Write guest memory into the empty file open as `fd`; there are holes between ranges.

    The file ends with RAM. Firmware behind it is left out: its address is so high that the file of
    a small PC would seem to have 4 GiB.

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
    size = max((extent.end for extent, _ in memory.pieces if extent.is_ram), default=0)
    begin(fd, size, snapshot.descriptors)
    places = ((piece, extent.gpa) for extent, piece in memory.pieces if extent.gpa < size)
    refused = write_pieces(places, fd, options)
    return WrittenMemory(refused, (), memory.unknown)
