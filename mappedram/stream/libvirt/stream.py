"""The stream of a save image as a seekable file."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from mappedram.errors import FormatError, UnsupportedError
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.stream.libvirt.header import LibvirtImage

#: Default limit for small images, in bytes.
_LIMIT_MIN = 1 << 30
#: Maximum ratio of decompressed to compressed size. Pages of zeros do not count: QEMU writes each
#: as a record of 9 bytes.
_RATIO_MAX = 256


def default_limit(image: LibvirtImage) -> int:
    """Default number of bytes that `open_stream` decompresses at most."""
    return max(_LIMIT_MIN, _RATIO_MAX * (image.file_size - image.stream_offset))


@contextmanager
def open_stream(
    source: Source,
    image: LibvirtImage,
    *,
    limit: int | None = None,
    on_damage: Callable[[FormatError], None] | None = None,
) -> Iterator[tuple[Source, int]]:
    """Open the stream of an image; yield its source and its offset there.

    A plain stream is read in place. A compressed one is decompressed into an unnamed file in the
    directory for temporary files (`TMPDIR`), with holes for zeros. The file disappears when the
    block ends.

    Args:
        source: the image.
        image: the header, from `detect`.
        limit: maximum number of bytes to decompress; `default_limit` if None.
        on_damage: called with the error if a compressed stream is cut off or damaged; the part
            before it is then returned. If None, the error is raised.

    Raises:
        UnsupportedError: this machine has no decompressor for it, or there is more than `limit`.
        TruncatedError: the compressed stream is cut off.
        FormatError: it is damaged.
        OSError: there is no space for it, for example.
    """
    if not image.compressed:
        yield source, image.stream_offset
        return
    # Imported here because decompressors are slow to load, and most files need none.
    from tempfile import TemporaryFile

    from mappedram.stream.libvirt.payload import decompressed
    from mappedram.stream.libvirt.spool import spool

    assert image.payload is not None
    if limit is None:
        limit = default_limit(image)
    with TemporaryFile(buffering=0) as file:
        try:
            with closing(decompressed(source, image.stream_offset, image.payload)) as pieces:
                spool(pieces, file.fileno(), limit)
        except UnsupportedError:
            raise
        except FormatError as damage:
            if on_damage is None:
                raise
            on_damage(damage)
        stream = open_source(file.fileno())
        stream.name = f"{source.name} (decompressed)"
        yield stream, 0
