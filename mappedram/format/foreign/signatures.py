"""Signatures of files that are mistaken for a migration stream, or contain one."""

from typing import NamedTuple

from mappedram.format.libvirt import SaveFormat

_UNPACK = "decompress it first, keeping its holes"


class Foreign(NamedTuple):
    """Another file format.

    Attributes:
        magic: the first bytes of such a file.
        what: name of the format.
        advice: what to do with such a file; empty if nothing helps.
        save_format: libvirt's name of a compressed format.
    """

    magic: bytes
    what: str
    advice: str = ""
    save_format: SaveFormat | None = None


FOREIGN = (
    Foreign(b"\x7fELF", "an ELF file"),
    Foreign(b"QFI\xfb", "a qcow2 image", "`mappedram info` lists its snapshots"),
    Foreign(b"EMiL", "a LiME memory dump"),
    Foreign(b"KDUMP   ", "a kdump file"),
    Foreign(b"\x1f\x8b", "gzip", _UNPACK, SaveFormat.GZIP),
    Foreign(b"BZh", "bzip2", _UNPACK, SaveFormat.BZIP2),
    Foreign(b"\xfd7zXZ\0", "xz", _UNPACK, SaveFormat.XZ),
    Foreign(b"\x89LZO\0", "lzop", _UNPACK, SaveFormat.LZOP),
    Foreign(b"\x28\xb5\x2f\xfd", "zstd", _UNPACK, SaveFormat.ZSTD),
)
#: Number of bytes that identify every format.
MAGIC_MAX = max(len(one.magic) for one in FOREIGN)


def foreign(head: bytes) -> Foreign | None:
    """The format of a file that begins with `head`; None if unknown."""
    return next((one for one in FOREIGN if head.startswith(one.magic)), None)
