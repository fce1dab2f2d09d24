"""The header of a save image of libvirt, in the byte order that the parameter `is_be` says."""

from enum import IntEnum

from construct import Bytes, Int32ub, Int32ul, StringEncoded, Switch, this

from mappedram.layout.declare import Valid, record
from mappedram.layout.judged import FieldRule, Severity, judged
from mappedram.layout.stream import ENCODING
from mappedram.layout.validity import AtMost, Equals, OneOf

#: Source: libvirt src/qemu/qemu_saveimage.h: QEMU_SAVE_MAGIC, QEMU_SAVE_PARTIAL.
QEMU_SAVE_MAGIC = "LibvirtQemudSave"
QEMU_SAVE_PARTIAL = "LibvirtQemudPart"
QEMU_SAVE_VERSION = 2

HEADER_SIZE = 92
#: Zeros that libvirt leaves behind the text, so that the domain can be edited in place.
SLACK = 64 << 10


class SaveFormat(IntEnum):
    """How the stream in an image is written. Source: libvirt src/qemu/qemu_saveimage.h."""

    RAW = 0
    GZIP = 1
    BZIP2 = 2
    XZ = 3
    LZOP = 4
    ZSTD = 5
    SPARSE = 6


_UINT32 = Switch(this._params.is_be, {False: Int32ul, True: Int32ub})

LibvirtHeader = record(
    "libvirt_header",
    magic=Valid(StringEncoded(Bytes(16), ENCODING), OneOf((QEMU_SAVE_MAGIC, QEMU_SAVE_PARTIAL))),
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
