"""Header of a libvirt save image, and the texts between it and the stream.

Source: libvirt src/qemu/qemu_saveimage.c, virQEMUSaveDataWrite() and qemuSaveImageReadHeader().
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mappedram.errors import TruncatedError, UnsupportedError
from mappedram.format import drivers, views
from mappedram.format.drivers import DriverName
from mappedram.format.drivers.base import RefusalError
from mappedram.format.libvirt import (
    HEADER_SIZE,
    MAGIC_SIZE,
    MAGICS,
    QEMU_SAVE_MAGIC,
    QEMU_SAVE_VERSION,
    SaveFormat,
    is_be,
)
from mappedram.format.structures import LIBVIRT_HEADER, LibvirtHeader
from mappedram.io.source import Source
from mappedram.stream.compressed.magic import kind_of
from mappedram.stream.model import Element
from mappedram.stream.regions import Region

KIND = LIBVIRT_HEADER
PATH = "/libvirt"
STREAM_PATH = f"{PATH}/stream"
#: A text is read up to its NUL, but at most this many bytes, whatever length the file claims.
TEXT_MAX = 64 << 20
_STEP = 1 << 16
#: What a save image begins with.


class HeaderText(NamedTuple):
    """A text in the image, `length` bytes without the NUL that should end it."""

    offset: int
    length: int
    text: str
    terminated: bool

    @property
    def end(self) -> int:
        """First byte after the text and its NUL."""
        return self.offset + self.length + self.terminated


@dataclass(frozen=True, slots=True)
class LibvirtImage(views.LibvirtHeader):
    """Header and texts of a save image.

    Attributes:
        header: the header; its fields are also attributes of the image, under libvirt's names.
        xml_text: the XML of the domain.
        cookie_text: the cookie, in XML; None if there is none, or if it would lie outside the
            texts.
        payload: compression of the stream, detected from its first bytes: RAW if uncompressed, with
            or without mapped-ram; None if unknown or missing.
        file_size: bytes of the file.
    """

    header: Element[LibvirtHeader]
    xml_text: HeaderText
    cookie_text: HeaderText | None
    payload: SaveFormat | None
    file_size: int

    @property
    def values(self) -> LibvirtHeader:
        """The fields of the header by name."""
        return self.header.values

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """Byte order of the header, which is that of the host that wrote the image."""
        return "big" if self.header.params["is_be"] else "little"

    @property
    def complete(self) -> bool:
        """Whether libvirt marked the save as complete."""
        return self.magic == QEMU_SAVE_MAGIC

    @property
    def was_running(self) -> bool:
        """Whether the guest runs after it is restored."""
        return bool(self.values["was_running"])

    @property
    def format_name(self) -> str | None:
        """Name that libvirt has for the header's format number; None if it has none."""
        known = self.format in set(SaveFormat)
        return SaveFormat(self.format).name.lower() if known else None

    @property
    def xml(self) -> str:
        """The XML of the domain; bytes that are not UTF-8 become surrogates."""
        return self.xml_text.text

    @property
    def cookie(self) -> str | None:
        """The cookie, in XML."""
        return self.cookie_text.text if self.cookie_text else None

    @property
    def stream_offset(self) -> int:
        """Offset of the stream, from the header; it may be beyond the end of the file."""
        return self.header.end + self.data_len

    @property
    def compressed(self) -> bool:
        """Whether the stream is compressed, from its first bytes."""
        return self.payload not in (None, SaveFormat.RAW)

    @property
    def stream_path(self) -> str:
        """The place in the structure that errors of the stream name."""
        return STREAM_PATH

    @property
    def text_end(self) -> int:
        """First byte after the texts; zeros follow up to the stream."""
        return max(text.end for text in (self.xml_text, self.cookie_text) if text)

    def regions(self) -> list[Region]:
        """Partition the bytes from the header up to the stream into named regions, in order."""
        return list(self._regions())

    def _regions(self) -> Iterator[Region]:
        header, end = self.header, min(self.stream_offset, self.file_size)
        yield Region(header.offset, header.length, "libvirt header", header.path, "element", header)
        position = header.end
        for name, text in (("domain XML", self.xml_text), ("cookie", self.cookie_text)):
            if text is None or text.end == text.offset or text.offset < position:
                continue
            if text.offset > position:
                yield _padding(position, text.offset)
            path = f"{PATH}/{name.replace(' ', '_').lower()}"
            yield Region(text.offset, text.end - text.offset, f"libvirt {name}", path, "text")
            position = text.end
        if end > position:
            yield _padding(position, end)


def detect(
    source: Source, offset: int = 0, *, driver: DriverName = "construct"
) -> LibvirtImage | None:
    """Parse the header of a libvirt save image, if one begins at `offset`.

    Reads the header, the texts, and a few bytes of the stream.

    Raises:
        TruncatedError: the file ends within the header.
        UnsupportedError: the image has a version that libvirt does not have.
        OSError: reading failed.
    """
    data = source.peek(offset, HEADER_SIZE)
    if data[:MAGIC_SIZE] not in MAGICS:
        return None
    header = _header(data, offset, driver)
    data_len, cookie_offset = header.values["data_len"], header.values["cookie_offset"]
    begin, end = header.end, header.end + data_len
    inside = 0 < cookie_offset < data_len
    cookie_begin = begin + cookie_offset if inside else end
    return LibvirtImage(
        header=header,
        xml_text=_text(source, begin, cookie_begin),
        cookie_text=_text(source, cookie_begin, end) if inside else None,
        payload=kind_of(source.peek(end, MAGIC_SIZE)),
        file_size=source.size,
    )


def _header(data: bytes, offset: int, driver: DriverName) -> Element[LibvirtHeader]:
    """The header, in the byte order that makes its version valid."""
    params = {"is_be": is_be(data)}
    try:
        values, length = drivers.get(driver).parse(KIND, data, params)
    except RefusalError as refusal:
        where, path = offset + refusal.start, f"{PATH}/header/{refusal.path}"
        if refusal.short:
            raise TruncatedError(
                f"{refusal.path}: the file ends at {offset + len(data):#x}, within the header of a"
                " libvirt save image",
                offset=where,
                path=path,
            ) from refusal
        raise UnsupportedError(
            f"{refusal.path}: a libvirt save image with a version above {QEMU_SAVE_VERSION} in"
            " either byte order",
            offset=where,
            path=path,
            expected=f"<= {QEMU_SAVE_VERSION}",
            actual=refusal.actual,
        ) from refusal
    return Element(KIND, f"{PATH}/header", offset, length, values, params)


def _text(source: Source, begin: int, end: int) -> HeaderText:
    """The text from `begin` to its NUL, or up to `end`."""
    pieces: list[bytes] = []
    position, end = begin, min(end, source.size, begin + TEXT_MAX)
    terminated = False
    while position < end and not terminated:
        data = source.read(position, min(_STEP, end - position))
        if not data:
            break  # the file has shrunk
        piece, nul, _ = data.partition(b"\0")
        pieces.append(piece)
        terminated = bool(nul)
        position += len(piece)
    text = b"".join(pieces)
    return HeaderText(begin, len(text), text.decode("utf-8", "surrogateescape"), terminated)


def _padding(start: int, end: int) -> Region:
    return Region(start, end - start, "libvirt slack", f"{PATH}/slack", "padding")
