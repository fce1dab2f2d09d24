"""Write RAM blocks as sparse raw files: byte n of the file is byte n of the block."""

from mappedram.export.options import DEFAULTS, ExportOptions
from mappedram.export.page_copy import begin, write_pieces
from mappedram.export.ranges import ExportedPiece
from mappedram.stream.block import Block
from mappedram.stream.coverage import require_known


def stored_bytes(block: Block) -> int:
    """Number of bytes of the block that can be read from the file."""
    return block.stored.count() * block.page_size if block.readable else 0


def extract(
    block: Block,
    fd: int,
    options: ExportOptions = DEFAULTS,
) -> str | None:
    """Write a block into the empty file open as `fd`, with holes for pages that are not stored.

    Args:
        block: the block.
        fd: descriptor of an empty seekable file, open for writing.
        options: how memory is written.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        UnknownPagesError: the snapshot does not know all of the block.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    if not options.partial:
        require_known([block.coverage])
    begin(fd, block.used_length, block.source.descriptors)
    if not block.readable:
        return None
    whole = ExportedPiece(block, 0, block.used_length, 0)
    return write_pieces([(whole, 0)], fd, options)
