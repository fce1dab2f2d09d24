"""Streams that begin elsewhere in a file than where one was looked for."""

from collections.abc import Iterator

from mappedram.errors import FormatError
from mappedram.format.constants import QEMU_VM_FILE_MAGIC, QEMU_VM_FILE_VERSION, SectionType
from mappedram.format.libvirt import MAGICS
from mappedram.format.stream import StreamHeader
from mappedram.io.source import Source
from mappedram.stream.libvirt.header import detect
from mappedram.stream.snapshot import open_snapshot

#: Bytes of data to look through; holes do not count.
SEARCHED_MAX = 256 << 20
#: Places to try; other data can contain the magic, such as the memory of a guest.
_TRIED_MAX = 64
_STEP = 1 << 22
_HEADER = {"magic": QEMU_VM_FILE_MAGIC, "version": QEMU_VM_FILE_VERSION}
_MAGICS = (StreamHeader.build(_HEADER), *MAGICS)
_LONGEST = max(map(len, _MAGICS))


def stream_elsewhere(source: Source, offset: int) -> int | None:
    """Offset of the first stream or libvirt save image other than at `offset`; None if unknown.

    Looks through the first `SEARCHED_MAX` bytes of data, or none of a remote file. A magic alone
    does not count: the headers up to a section must be readable.

    Args:
        source: the file.
        offset: where there is none.

    Raises:
        OSError: reading failed.
    """
    if source.is_remote:
        return None
    for tried, found in enumerate(_magics(source)):
        if tried == _TRIED_MAX:
            return None
        if found != offset and _begins(source, found):
            return found
    return None


def _magics(source: Source) -> Iterator[int]:
    """Offsets of all magics in the data, in order."""
    left = SEARCHED_MAX
    for start, end in source.extents(0, source.size):
        for first in range(start, min(end, start + left), _STEP):
            data = source.read(first, min(_STEP + _LONGEST - 1, end - first))
            yield from sorted({first + n for n in _in(data) if n < _STEP})
        left -= end - start
        if left <= 0:
            return


def _in(data: bytes) -> Iterator[int]:
    """Positions of the magics in a piece of data."""
    for magic in _MAGICS:
        position = data.find(magic)
        while position >= 0:
            yield position
            position = data.find(magic, position + 1)


def _begins(source: Source, offset: int) -> bool:
    """Whether a stream, or a save image with one, begins at that offset."""
    try:
        image = detect(source, offset)
        if image and image.compressed:
            return True
        begin = image.stream_offset if image else offset
        stream = open_snapshot(source, begin, partial=True).stream  # the source stays open
        return stream.configuration is not None or any(
            section.type != SectionType.EOF
            for section in stream.sections  # EOF is a zero byte
        )
    except FormatError:
        return False
