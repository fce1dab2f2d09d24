"""RAM blocks as sparse raw files: byte n of the file is byte n of the block."""

import os
from ctypes import CDLL, c_int, c_longlong, get_errno

from mappedram.pageio import (
    Progress,
    Target,
    copy_runs,
    in_parallel,
    share,
    write_rows,
)
from mappedram.snapshot import Block

#: include/uapi/linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_PUNCH_HOLE = 0x01 | 0x02


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
    os.ftruncate(fd, block.used_length)
    target = Target(fd, direct_io=direct_io)
    try:
        if block.scattered:
            _collect(block, target, channels, progress)
        elif not target.is_direct and _share_whole(block, fd):
            if progress:
                progress(stored_bytes(block))
        else:
            pages_offset = block.model.pages_offset or 0
            places = block.runs() * block.page_size + pages_offset
            copy_runs(
                block.source, places, target, -pages_offset, channels=channels, progress=progress
            )
    finally:
        target.close()
    return target.refused


def _collect(block: Block, target: Target, channels: int, progress: Progress | None) -> None:
    """Pages that stand one by one in a stream, each put in its place."""
    scattered = block.scattered
    assert scattered is not None
    step = scattered.batch_size

    def collect(start: int) -> None:
        pages, data = scattered.collect(block.source, start, start + step)
        write_rows(target, pages, data, 0)
        if progress:
            progress(data.nbytes)

    in_parallel(collect, iter(range(0, len(scattered.pages), step)), channels)


def _share_whole(block: Block, fd: int) -> bool:
    """Let the raw file share the whole page area, then take out what the bitmap takes out."""
    pages_offset, size = block.model.pages_offset, block.used_length
    assert pages_offset is not None
    source = block.source
    if pages_offset + size > source.size:
        return False
    if not share(source, pages_offset, pages_offset + size, fd, -pages_offset):
        return False
    position = 0
    for start, stop in [*(block.runs() * block.page_size).tolist(), (size, size)]:
        for first, last in source.extents(pages_offset + position, pages_offset + start):
            _punch(fd, first - pages_offset, last - first)
        position = stop
    return True


def _punch(fd: int, offset: int, length: int) -> None:
    """Make a hole; what is not a whole block of the file system is written over with zeros."""
    libc = CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (c_int, c_int, c_longlong, c_longlong)
    if libc.fallocate(fd, _PUNCH_HOLE, offset, length):
        code = get_errno()
        raise OSError(code, os.strerror(code))
