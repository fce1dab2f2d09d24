"""The save image of libvirt that a stream under judgement stands in."""

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
    """The image that a stream under judgement stands in.

    Attributes:
        source: the file of the image.
        image: what it says before its stream.
        damage: why the stream could not be decompressed to its end.
        snapshot: the stream; None where none begins there.
    """

    source: Source
    image: LibvirtImage
    damage: list[FormatError] = field(default_factory=list)
    snapshot: OpenSnapshot | None = None

    def field(self, name: str) -> Place:
        """Where a field of the header lies."""
        header = self.image.header
        data = self.source.read(header.offset, header.length)
        spans = drivers.get("construct").spans(header.kind, data, dict(header.params))
        span = next(span for span in spans if span.path == name)
        return Place(header.offset + span.start, span.end - span.start, f"{header.path}/{name}")


def uncompressed(source: Source, offset: int, why: str) -> Container | None:
    """The image at an offset, if there is one, for work on the bytes of the file as they are.

    Args:
        source: the file.
        offset: where the image or the stream begins.
        why: what cannot be done with a compressed stream; for the message.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: the stream in it is compressed.
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
    """The stream to judge and where it begins; with the image around it, if there is one.

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
