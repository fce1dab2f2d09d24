"""Write consecutive pieces to a file, with holes for zeros."""

from collections.abc import Iterable

from mappedram.errors import UnsupportedError
from mappedram.io import system
from mappedram.stream.libvirt.header import STREAM_PATH

#: Aligned blocks of zeros of this size become a hole.
_HOLE = 1 << 12
_ZEROS = bytes(_HOLE)


def spool(pieces: Iterable[bytes], fd: int, limit: int) -> None:
    """Write the pieces to the empty file `fd`; after an error, it has all pieces before it.

    Raises:
        UnsupportedError: they are more than `limit` bytes.
        OSError: writing failed.
    """
    written = 0
    rest = b""
    try:
        for piece in pieces:
            if written + len(rest) + len(piece) > limit:
                raise UnsupportedError(
                    f"the stream decompresses to more than {limit:#x} bytes, far more than a guest"
                    " usually does; raise the limit if it should",
                    path=STREAM_PATH,
                )
            data = rest + piece
            whole = len(data) - len(data) % _HOLE
            _write(data, whole, fd, written)
            written, rest = written + whole, data[whole:]
    finally:
        system.end_at(fd, written)
        system.write(fd, rest, written)


def _write(data: bytes, length: int, fd: int, offset: int) -> None:
    """Write the nonzero blocks in the first `length` bytes, in the longest possible runs."""
    start = 0
    with memoryview(data) as view:
        for here in range(0, length, _HOLE):
            if data.startswith(_ZEROS, here):
                system.write(fd, view[start:here], offset + start)
                start = here + _HOLE
        system.write(fd, view[start:length], offset + start)
