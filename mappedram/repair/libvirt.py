"""Save images of libvirt: the header before the stream, and what can be put right in it.

Source: libvirt src/qemu/qemu_saveimage.h, virQEMUSaveHeader: sixteen bytes of magic, then u32
fields in the byte order of the host that wrote it.
"""

from dataclasses import dataclass

from mappedram.bitmap import ByteOrder
from mappedram.repair.edits import Edit
from mappedram.source import Source

MAGIC_PARTIAL = b"LibvirtQemudPart"
MAGIC_COMPLETE = b"LibvirtQemudSave"
HEADER_SIZE = 92
#: The newest version; a larger number is one in the other byte order.
VERSION_MAX = 2
DATA_LEN_OFFSET = 20
FORMAT_OFFSET = 28
#: enum virQEMUSaveFormat: the stream as it is; the stream with mapped-ram.
FORMAT_RAW = 0
FORMAT_SPARSE = 6


@dataclass(frozen=True, slots=True)
class SaveHeader:
    """What the header says, as far as it matters here."""

    magic: bytes
    byteorder: ByteOrder
    data_len: int
    format: int

    @property
    def stream_offset(self) -> int:
        """Where the stream begins: behind the header, the XML, the cookie and the slack."""
        return HEADER_SIZE + self.data_len


def save_header(source: Source) -> SaveHeader | None:
    """The header at the beginning of a file; None where it begins with something else."""
    head = source.read(0, HEADER_SIZE)
    if len(head) < HEADER_SIZE or head[:16] not in (MAGIC_PARTIAL, MAGIC_COMPLETE):
        return None
    little = int.from_bytes(head[16:20], "little") <= VERSION_MAX
    byteorder: ByteOrder = "little" if little else "big"

    def number(offset: int) -> int:
        return int.from_bytes(head[offset : offset + 4], byteorder)

    return SaveHeader(head[:16], byteorder, number(DATA_LEN_OFFSET), number(FORMAT_OFFSET))


def completed_magic(header: SaveHeader, *, complete: bool) -> Edit | None:
    """The magic of a finished image, where that of an unfinished one precedes a whole stream."""
    return Edit(0, MAGIC_COMPLETE) if header.magic == MAGIC_PARTIAL and complete else None


def relabelled(header: SaveHeader, *, mapped_ram: bool) -> Edit | None:
    """The format `raw`, where the header says `sparse` and the stream has no mapped-ram."""
    if header.format != FORMAT_SPARSE or mapped_ram:
        return None
    return Edit(FORMAT_OFFSET, FORMAT_RAW.to_bytes(4, header.byteorder))
