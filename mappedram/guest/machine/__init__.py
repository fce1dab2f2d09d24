"""What is known of QEMU's machine types, and of the RAM blocks that they have."""

from mappedram.guest.machine.blocks import backend_id, backends_of, owned_backends
from mappedram.guest.machine.families import FAMILIES, Family, family_of

__all__ = ["FAMILIES", "Family", "backend_id", "backends_of", "family_of", "owned_backends"]
