"""The libvirt save image that contains the stream to check."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mappedram.check.finding import Place
from mappedram.errors import FormatError, UnsupportedError
from mappedram.format import drivers
from mappedram.io.source import Source
from mappedram.stream.libvirt import LibvirtImage, detect, open_stream
from mappedram.stream.snapshot import OpenSnapshot


@dataclass
class Container:
    """The save image that contains the stream to check.

    Attributes:
        source: the file of the image.
        image: the parsed header and texts.
        damage: why the stream could not be decompressed to its end.
        snapshot: the stream; None if the image has none.
    """

    source: Source
    image: LibvirtImage
    damage: list[FormatError] = field(default_factory=list)
    snapshot: OpenSnapshot | None = None

    def field(self, name: str) -> Place:
        """Place of a field in the header."""
        header = self.image.header
        data = self.source.read(header.offset, header.length)
        spans = drivers.get("construct").spans(header.kind, data, dict(header.params))
        span = next(span for span in spans if span.path == name)
        return Place(header.offset + span.start, span.end - span.start, f"{header.path}/{name}")


def uncompressed(source: Source, offset: int, why: str) -> Container | None:
    """The save image at an offset, if there is one, for work on uncompressed bytes.

    Args:
        source: the file.
        offset: offset of the image or of the stream.
        why: the reason to refuse a compressed stream, for the message.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: the stream in the image is compressed.
    """
    image = detect(source, offset)
    if image is None:
        return None
    if image.compressed:
        raise UnsupportedError(
            f"the stream in this save image is compressed, {why}: use"
            " `mappedram convert -O libvirt-sparse` first",
            offset=image.stream_offset,
        )
    return Container(source, image)


@contextmanager
def unpacked(source: Source, offset: int = 0) -> Iterator[tuple[Source, int, Container | None]]:
    """The stream to check and its offset, with the save image around it, if there is one.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: the stream cannot be decompressed here.
    """
    image = detect(source, offset)
    if image is None:
        yield source, offset, None
        return
    container = Container(source, image)
    with open_stream(source, image, on_damage=container.damage.append) as (stream, begin):
        yield stream, begin, container
