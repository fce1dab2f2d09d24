"""Internal snapshots of qcow2 images: the VM state of one, read as if it were a file.

Finding the bytes belongs here: header, snapshot table, L1 and L2 tables, clusters. Their layout
belongs in `format/foreign/qcow2`, and the stream in the VM state in `stream`.
"""

from mappedram.io.qcow2.image import InternalSnapshot, Qcow2Image
from mappedram.io.qcow2.vm_state import VmStateSource, choose, open_vm_state

__all__ = [
    "InternalSnapshot",
    "Qcow2Image",
    "VmStateSource",
    "choose",
    "open_vm_state",
]
