"""Decompress one cluster.

Source: QEMU docs/interop/qcow2.rst, "Compressed Clusters Descriptor"; block/qcow2-threads.c.
"""

import zlib

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format.foreign.qcow2 import COMPRESSED_SECTOR_SIZE, Compression
from mappedram.io.qcow2.image import PATH, Qcow2Image
from mappedram.io.source import Source

#: Window of deflate that every writer stays below; there is no header.
_WINDOW = -zlib.MAX_WBITS


def decompressed(image: Qcow2Image, entry: int) -> bytes:
    """The bytes of a compressed cluster.

    Args:
        image: the image.
        entry: its L2 entry.

    Raises:
        UnsupportedError: nothing on this machine decompresses it.
        FormatError: the compressed bytes are damaged or cut off.
        OSError: reading failed.
    """
    offset, length = place_of(image, entry)
    data = image.source.read(offset, length)
    size = image.cluster_size
    path = f"{PATH}/compressed"
    if image.compression is None:
        raise UnsupportedError("a cluster has an unknown compression", offset=offset, path=path)
    try:
        if image.compression == Compression.ZSTD:
            found = _zstd(data, size, image.source, offset)
        else:
            found = zlib.decompressobj(_WINDOW).decompress(data, size)
    except (zlib.error, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"a compressed cluster is damaged: {error}", offset=offset, path=path
        ) from error
    if len(found) < size:
        raise FormatError(
            f"a compressed cluster has {len(found):#x} bytes, not {size:#x}",
            offset=offset,
            path=path,
        )
    return found


def place_of(image: Qcow2Image, entry: int) -> tuple[int, int]:
    """Offset and greatest length of the compressed bytes that an L2 entry means."""
    bits = 62 - (image.header["cluster_bits"] - 8)
    offset = entry & ((1 << bits) - 1)
    sectors = ((entry & ((1 << 62) - 1)) >> bits) + 1
    return offset, sectors * COMPRESSED_SECTOR_SIZE - offset % COMPRESSED_SECTOR_SIZE


def _zstd(data: bytes, size: int, source: Source, offset: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UnsupportedError(
            f"a cluster of {source.name} is compressed with zstd: install the package zstandard"
            " (`mappedram[zstd]`)",
            offset=offset,
            path=f"{PATH}/compressed",
        ) from error
    try:
        # Other clusters may follow in the last sector, which is no damage.
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)[:size]
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
