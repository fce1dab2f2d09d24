"""Header of a libvirt save image; the parameter `is_be` gives its byte order."""

from enum import IntEnum

from construct import Bytes, ConstructError, Int32ub, Int32ul, StringEncoded, Switch, this

from mappedram.format.declare import Valid, record
from mappedram.format.judged import FieldRule, Severity, judged
from mappedram.format.stream import ENCODING
from mappedram.format.validity import AtMost, Equals, OneOf

#: Source: libvirt src/qemu/qemu_saveimage.h: QEMU_SAVE_MAGIC, QEMU_SAVE_PARTIAL.
QEMU_SAVE_MAGIC = "LibvirtQemudSave"
QEMU_SAVE_PARTIAL = "LibvirtQemudPart"
QEMU_SAVE_VERSION = 2

#: Bytes of zeros that libvirt leaves after the text, so that the domain can be edited in place.
SLACK = 64 << 10


class SaveFormat(IntEnum):
    """Compression of the stream in an image. Source: libvirt src/qemu/qemu_saveimage.h."""

    RAW = 0
    GZIP = 1
    BZIP2 = 2
    XZ = 3
    LZOP = 4
    ZSTD = 5
    SPARSE = 6


_UINT32 = Switch(this._params.is_be, {False: Int32ul, True: Int32ub})

_NAMES = (QEMU_SAVE_MAGIC, QEMU_SAVE_PARTIAL)
#: Magic values of an image.
MAGICS = tuple(name.encode() for name in _NAMES)
MAGIC_SIZE = len(QEMU_SAVE_MAGIC)

LibvirtHeader = record(
    "libvirt_header",
    magic=Valid(StringEncoded(Bytes(MAGIC_SIZE), ENCODING), OneOf(_NAMES)),
    version=judged(
        Valid(_UINT32, AtMost(QEMU_SAVE_VERSION)),
        FieldRule("MR504", Equals(QEMU_SAVE_VERSION), Severity.WARNING, "9.7.4"),
    ),
    data_len=_UINT32,
    was_running=_UINT32,
    format=_UINT32,
    cookie_offset=_UINT32,
    unused=Bytes(56),
)

HEADER_SIZE: int = LibvirtHeader.sizeof(is_be=False)


def is_be(data: bytes) -> bool:
    """Whether a header is big-endian: its version is valid only in that byte order."""
    version = data[MAGIC_SIZE : MAGIC_SIZE + Int32ul.sizeof()]
    return int.from_bytes(version, "little") > QEMU_SAVE_VERSION


def stream_offset(data: bytes) -> int | None:
    """Offset of the stream in an image, from its header; None if `data` has no such header."""
    if data[:MAGIC_SIZE] not in MAGICS:
        return None
    try:
        header = LibvirtHeader.parse(data.ljust(HEADER_SIZE, b"\0"), is_be=is_be(data))
    except ConstructError:
        return None
    return HEADER_SIZE + int(header.data_len)
