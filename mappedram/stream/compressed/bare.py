"""A migration stream that is compressed as a whole, as LXD and Incus keep the state of a guest.

Source: LXD lxd/instance/drivers/driver_qemu.go, saveState() and restoreState(), with gzip.
"""

from contextlib import closing
from typing import NamedTuple

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.format.foreign.signatures import MAGIC_MAX
from mappedram.format.libvirt import SaveFormat
from mappedram.io.source import Source
from mappedram.stream.compressed.magic import kind_of

#: The place in the structure that messages name.
PATH = "/compressed"


class CompressedStream(NamedTuple):
    """A bare compressed stream.

    Attributes:
        stream_offset: where the compressed bytes begin.
        payload: how they are compressed, by the first of them.
        file_size: bytes of the file.
    """

    stream_offset: int
    payload: SaveFormat
    file_size: int

    @property
    def compressed(self) -> bool:
        """Whether the stream has to be decompressed: always."""
        return True

    @property
    def stream_path(self) -> str:
        """The place in the structure that messages name."""
        return PATH


def detect_compressed(source: Source, offset: int = 0) -> CompressedStream | None:
    """A bare compressed stream; None where nothing that is compressed begins at `offset`.

    Decompresses the first bytes, as much else is compressed, too.

    Raises:
        UnsupportedError: it is compressed, and no migration stream, or what decompresses it is not
            on this machine.
        OSError: reading failed.
    """
    payload = kind_of(source.peek(offset, MAGIC_MAX))
    if payload in (None, SaveFormat.RAW):
        return None
    assert payload is not None
    head = _head(source, offset, payload)
    if head != QEMU_VM_FILE_MAGIC:
        raise UnsupportedError(
            f"not a QEMU migration stream: {payload.name.lower()}, and what is compressed begins"
            f" with {head!r}, not with {QEMU_VM_FILE_MAGIC!r}",
            offset=offset,
            path=PATH,
        )
    return CompressedStream(offset, payload, source.size)


def _head(source: Source, offset: int, payload: SaveFormat) -> bytes:
    """What the decompressed bytes begin with.

    Raises:
        UnsupportedError: nothing decompresses them, or they are damaged, so that it is no stream.
    """
    # Decompressors, which a file that is not compressed does without.
    from mappedram.stream.compressed.payload import decompressed

    head, length = b"", len(QEMU_VM_FILE_MAGIC)
    with closing(decompressed(source, offset, payload, PATH, length)) as pieces:
        try:
            while len(head) < length and (piece := next(pieces, None)) is not None:
                head += piece[:length]
        except UnsupportedError:
            raise
        except FormatError as error:
            raise UnsupportedError(error.msg, offset=error.offset, path=error.path) from error
    return head[:length]
