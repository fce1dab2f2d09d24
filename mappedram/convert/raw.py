"""RAM blocks as sparse raw files: byte n of the file is byte n of the block."""

from mappedram import system
from mappedram.convert.moving import write_pieces
from mappedram.convert.ranges import Piece
from mappedram.pageio import Progress
from mappedram.snapshot import Block


def stored_bytes(block: Block) -> int:
    """How many bytes of the block are in the file."""
    return block.bitmap.count() * block.page_size


def extract(
    block: Block,
    fd: int,
    *,
    channels: int = 1,
    direct_io: bool = False,
    progress: Progress | None = None,
) -> str | None:
    """Write a block into the empty file open as `fd`, with a hole wherever no page is stored.

    Args:
        block: what to write.
        fd: descriptor of an empty seekable file, open for writing.
        channels: number of threads.
        direct_io: write past the page cache where the file system can.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        TruncatedError: the file ends before a page that its bitmap promises.
        FormatError: the header gives the block no sound page size.
        UnsupportedError: this file holds no pages of the block.
        OSError: reading or writing failed.
    """
    system.begin(fd, 0, block.used_length, block.source.fd)
    system.end_at(fd, block.used_length)
    whole = Piece(block, 0, block.used_length, 0)
    return write_pieces([(whole, 0)], fd, channels=channels, direct_io=direct_io, progress=progress)
