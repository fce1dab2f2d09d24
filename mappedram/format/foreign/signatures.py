"""How files begin that a migration stream is mistaken for, or packed into."""

from typing import NamedTuple

from mappedram.format.libvirt import SaveFormat

_UNPACK = "decompress it first, keeping its holes"


class Foreign(NamedTuple):
    """Another format.

    Attributes:
        magic: what a file of it begins with.
        what: its name.
        advice: what to do with such a file; empty where nothing helps.
        save_format: of a compressed one, what libvirt calls it.
    """

    magic: bytes
    what: str
    advice: str = ""
    save_format: SaveFormat | None = None


FOREIGN = (
    Foreign(b"\x7fELF", "an ELF file"),
    Foreign(b"QFI\xfb", "a qcow2 image", "`qemu-img` handles those"),
    Foreign(b"EMiL", "a LiME memory dump"),
    Foreign(b"KDUMP   ", "a kdump file"),
    Foreign(b"\x1f\x8b", "gzip", _UNPACK, SaveFormat.GZIP),
    Foreign(b"BZh", "bzip2", _UNPACK, SaveFormat.BZIP2),
    Foreign(b"\xfd7zXZ\0", "xz", _UNPACK, SaveFormat.XZ),
    Foreign(b"\x89LZO\0", "lzop", _UNPACK, SaveFormat.LZOP),
    Foreign(b"\x28\xb5\x2f\xfd", "zstd", _UNPACK, SaveFormat.ZSTD),
)
#: Bytes that tell all of them.
MAGIC_MAX = max(len(one.magic) for one in FOREIGN)


def foreign(head: bytes) -> Foreign | None:
    """The format of a file that begins with `head`; None if it is none of these."""
    return next((one for one in FOREIGN if head.startswith(one.magic)), None)
