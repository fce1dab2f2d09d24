"""Facts about QEMU's machine types and the RAM blocks that they have.

Where memory lies belongs in `guest/physical`, and which release has which machine type in
`qemu/loader`.
"""

from mappedram.guest.machine.blocks import backend_id, backends_of, owned_backends
from mappedram.guest.machine.families import FAMILIES, Family, family_of

__all__ = ["FAMILIES", "Family", "backend_id", "backends_of", "family_of", "owned_backends"]
