"""A stream, compressed or not, as a file in which every offset can be reached."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format.libvirt import SaveFormat
from mappedram.io.source import Source

#: What a small image may grow to in any case.
_LIMIT_MIN = 1 << 30
#: How many times its size a compressed stream may grow. Pages of zeros are not in it: QEMU has
#: written a record of 9 bytes for each.
_RATIO_MAX = 256


class Packing(Protocol):
    """What a stream stands in: a save image of libvirt, or a compressed file."""

    @property
    def stream_offset(self) -> int:
        """Where it begins, compressed or not."""

    @property
    def payload(self) -> SaveFormat | None:
        """How it is written, by its first bytes; None where that is nothing known."""

    @property
    def compressed(self) -> bool:
        """Whether it has to be decompressed."""

    @property
    def file_size(self) -> int:
        """Bytes of the file."""

    @property
    def stream_path(self) -> str:
        """The place in the structure that errors name."""


def default_limit(packing: Packing) -> int:
    """Bytes that `open_stream` decompresses at most, unless it is told another number."""
    return max(_LIMIT_MIN, _RATIO_MAX * (packing.file_size - packing.stream_offset))


@contextmanager
def open_stream(
    source: Source,
    packing: Packing,
    *,
    limit: int | None = None,
    on_damage: Callable[[FormatError], None] | None = None,
) -> Iterator[tuple[Source, int]]:
    """The stream in a file, and the offset where it begins.

    A plain stream is read where it stands. A compressed one is decompressed into a file without a
    name in the directory for temporary files (`TMPDIR`), with holes for zeros; it is gone when the
    block ends.

    Args:
        source: the file.
        packing: what `detect` or `detect_compressed` says of it.
        limit: decompress at most that many bytes; `default_limit` if None.
        on_damage: where a compressed stream is cut off or damaged, called with the reason; what
            comes before is given then. If None, the reason is raised.

    Raises:
        UnsupportedError: what decompresses it is not on this machine, or there is more than
            `limit`.
        TruncatedError: the compressed stream is cut off.
        FormatError: it is damaged.
        OSError: there is no space for it, for one.
    """
    if not packing.compressed:
        yield source, packing.stream_offset
        return
    # What decompresses is slow to load, and most files need none of it.
    from tempfile import TemporaryFile

    from mappedram.stream.compressed.payload import decompressed
    from mappedram.stream.compressed.spool import spool

    assert packing.payload is not None
    place, path = packing.stream_offset, packing.stream_path
    if limit is None:
        limit = default_limit(packing)
    with TemporaryFile(buffering=0) as file:
        try:
            with closing(decompressed(source, place, packing.payload, path)) as pieces:
                spool(pieces, file.fileno(), limit, path)
        except UnsupportedError:
            raise
        except FormatError as damage:
            if on_damage is None:
                raise
            on_damage(damage)
        stream = Source(file.fileno())
        stream.name = f"{source.name} (decompressed)"
        stream.compression = packing.payload.name.lower()
        yield stream, 0
