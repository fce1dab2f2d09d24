"""Facts about QEMU's machine types and their RAM blocks.

Addresses of memory belong in `guest/physical`, and the machine types of each release in
`qemu/loader`.
"""

from mappedram.guest.machine.blocks import backend_id, backends_of, owned_backends
from mappedram.guest.machine.families import FAMILIES, Family, family_of

__all__ = ["FAMILIES", "Family", "backend_id", "backends_of", "family_of", "owned_backends"]
