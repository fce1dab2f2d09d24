"""The container of the stream to check: a libvirt save image, or a compressed file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from mappedram.check.finding import Place
from mappedram.errors import FormatError, UnsupportedError
from mappedram.format import drivers
from mappedram.io.source import Source
from mappedram.stream.compressed import Packing, detect_compressed, open_stream
from mappedram.stream.libvirt import LibvirtImage, detect
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


class Unpacked(NamedTuple):
    """A stream to judge.

    Attributes:
        source: what it stands in, decompressed.
        begin: where it begins there.
        container: the image of libvirt around it; None where there is none.
        damage: why it could not be decompressed to its end; of an image, its container has that.
    """

    source: Source
    begin: int
    container: Container | None
    damage: list[FormatError]


def packing_of(source: Source, offset: int) -> Packing | None:
    """What the stream at an offset stands in; None where it stands there as it is.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: what decompresses the stream is not on this machine.
    """
    return detect(source, offset) or detect_compressed(source, offset)


def uncompressed(source: Source, offset: int, why: str) -> Container | None:
    """The save image at an offset, if there is one, for work on uncompressed bytes.

    Args:
        source: the file.
        offset: offset of the image or of the stream.
        why: the reason to refuse a compressed stream, for the message.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: the stream is compressed, in an image or bare.
    """
    packing = packing_of(source, offset)
    if packing is None:
        return None
    if not isinstance(packing, LibvirtImage):
        raise _compressed("the stream is compressed", why, "mapped-ram", packing)
    if packing.compressed:
        raise _compressed(
            "the stream in this save image is compressed", why, "libvirt-sparse", packing
        )
    return Container(source, packing)


def _compressed(what: str, why: str, form: str, packing: Packing) -> UnsupportedError:
    return UnsupportedError(
        f"{what}, {why}: use `mappedram convert -O {form}` first", offset=packing.stream_offset
    )


@contextmanager
def unpacked(source: Source, offset: int = 0) -> Iterator[Unpacked]:
    """The stream to check and its offset, with the save image around it, if there is one.

    Raises:
        FormatError: the header of the image cannot be read.
        UnsupportedError: the stream cannot be decompressed here.
    """
    packing = packing_of(source, offset)
    if packing is None:
        yield Unpacked(source, offset, None, [])
        return
    container = Container(source, packing) if isinstance(packing, LibvirtImage) else None
    damage = container.damage if container else []
    with open_stream(source, packing, on_damage=damage.append) as (stream, begin):
        yield Unpacked(stream, begin, container, [] if container else damage)
