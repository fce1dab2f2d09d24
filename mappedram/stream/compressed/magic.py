"""By which bytes a stream begins, plain or compressed."""

from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.format.foreign.signatures import foreign
from mappedram.format.libvirt import SaveFormat


def kind_of(head: bytes) -> SaveFormat | None:
    """How a stream that begins with `head` is written; None where nothing begins so."""
    if head.startswith(QEMU_VM_FILE_MAGIC):
        return SaveFormat.RAW
    found = foreign(head)
    return found.save_format if found else None
