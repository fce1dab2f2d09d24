"""A stream, compressed or not, as a seekable file."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_file
from mappedram.io.source import Source

#: Default limit for small images, in bytes.
_LIMIT_MIN = 1 << 30
#: Maximum ratio of decompressed to compressed size. Pages of zeros do not count: QEMU writes each
#: as a record of 9 bytes.
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
    """Default number of bytes that `open_stream` decompresses at most."""
    return max(_LIMIT_MIN, _RATIO_MAX * (packing.file_size - packing.stream_offset))


@contextmanager
def open_stream(
    source: Source,
    packing: Packing,
    *,
    limit: int | None = None,
    on_damage: Callable[[FormatError], None] | None = None,
) -> Iterator[tuple[Source, int]]:
    """Open the stream in a file; yield its source and its offset there.

    A plain stream is read in place. A compressed one is decompressed into an unnamed file in the
    directory for temporary files (`TMPDIR`), with holes for zeros. The file disappears when the
    block ends.

    Args:
        source: the file.
        packing: from `detect` or `detect_compressed`.
        limit: maximum number of bytes to decompress; `default_limit` if None.
        on_damage: called with the error if a compressed stream is cut off or damaged; the part
            before it is then returned. If None, the error is raised.

    Raises:
        UnsupportedError: this machine has no decompressor for it, or there is more than `limit`.
        TruncatedError: the compressed stream is cut off.
        FormatError: it is damaged.
        OSError: there is no space for it, for example.
    """
    if not packing.compressed:
        yield source, packing.stream_offset
        return
    # Imported here because decompressors are slow to load, and most files need none.
    from tempfile import TemporaryFile

    from mappedram.stream.compressed.payload import decompressed
    from mappedram.stream.compressed.spool import spool

    assert packing.payload is not None
    place, path = packing.stream_offset, packing.stream_path
    source.tell_cost(
        f"the stream is compressed ({packing.payload.name.lower()}): all of its"
        f" {packing.file_size - place:#x} bytes are fetched and decompressed into a temporary file"
    )
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
        stream = open_file(file.fileno())
        stream.name = f"{source.name} (decompressed)"
        stream.compression = packing.payload.name.lower()
        yield stream, 0
