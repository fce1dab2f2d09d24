"""Detect the compression of a stream from its first bytes."""

from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.format.foreign.signatures import foreign
from mappedram.format.libvirt import SaveFormat


def kind_of(head: bytes) -> SaveFormat | None:
    """Compression of a stream that begins with `head`; None if unknown."""
    if head.startswith(QEMU_VM_FILE_MAGIC):
        return SaveFormat.RAW
    found = foreign(head)
    return found.save_format if found else None
