"""Write RAM blocks as sparse raw files: byte n of the file is byte n of the block."""

from mappedram.export.page_copy import write_pieces
from mappedram.export.ranges import ExportedPiece
from mappedram.io import system
from mappedram.io.copying import Progress
from mappedram.stream.coverage import require_known
from mappedram.stream.snapshot import Block


def stored_bytes(block: Block) -> int:
    """Number of bytes of the block that can be read from the file."""
    return block.stored.count() * block.page_size if block.readable else 0


def extract(
    block: Block,
    fd: int,
    *,
    channels: int = 1,
    direct_io: bool = False,
    partial: bool = False,
    progress: Progress | None = None,
) -> str | None:
    """Write a block into the empty file open as `fd`, with holes for pages that are not stored.

    Args:
        block: the block.
        fd: descriptor of an empty seekable file, open for writing.
        channels: number of threads.
        direct_io: bypass the page cache if the file system can.
        partial: leave holes for pages that the snapshot does not know.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        UnknownPagesError: the snapshot does not know all of the block.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    if not partial:
        require_known([block.coverage])
    system.begin(fd, 0, block.used_length, *block.source.descriptors)
    system.end_at(fd, block.used_length)
    if not block.readable:
        return None
    whole = ExportedPiece(block, 0, block.used_length, 0)
    return write_pieces([(whole, 0)], fd, channels=channels, direct_io=direct_io, progress=progress)
