"""The stream of a save image as a file in which every offset can be reached."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from mappedram.errors import FormatError, UnsupportedError
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.stream.libvirt.header import LibvirtImage

#: What a small image may grow to in any case.
_LIMIT_MIN = 1 << 30
#: How many times its size a compressed stream may grow. Pages of zeros are not in it: QEMU has
#: written a record of 9 bytes for each.
_RATIO_MAX = 256


def default_limit(image: LibvirtImage) -> int:
    """Bytes that `open_stream` decompresses at most, unless it is told another number."""
    return max(_LIMIT_MIN, _RATIO_MAX * (image.file_size - image.stream_offset))


@contextmanager
def open_stream(
    source: Source,
    image: LibvirtImage,
    *,
    limit: int | None = None,
    on_damage: Callable[[FormatError], None] | None = None,
) -> Iterator[tuple[Source, int]]:
    """The stream of an image, and the offset where it begins.

    A plain stream is read where it stands. A compressed one is decompressed into a file without a
    name in the directory for temporary files (`TMPDIR`), with holes for zeros; it is gone when the
    block ends.

    Args:
        source: the image.
        image: what `detect` says of it.
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
    if not image.compressed:
        yield source, image.stream_offset
        return
    # What decompresses is slow to load, and most files need none of it.
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
