"""By which bytes a stream begins, plain or compressed."""

from mappedram.layout.constants import QEMU_VM_FILE_MAGIC
from mappedram.layout.libvirt import SaveFormat

_MAGICS = {
    QEMU_VM_FILE_MAGIC: SaveFormat.RAW,
    b"\x1f\x8b": SaveFormat.GZIP,
    b"BZh": SaveFormat.BZIP2,
    b"\xfd7zXZ\0": SaveFormat.XZ,
    b"\x89LZO\0": SaveFormat.LZOP,
    b"\x28\xb5\x2f\xfd": SaveFormat.ZSTD,
}


def kind_of(head: bytes) -> SaveFormat | None:
    """How a stream that begins with `head` is written; None where nothing begins so."""
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), None)
