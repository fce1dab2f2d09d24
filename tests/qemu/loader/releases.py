"""The releases that can load a snapshot at all."""

from mappedram.qemu.loader import RELEASES
from mappedram.qemu.loader.machines import exists


def releases_of(machine: str) -> list[str]:
    """The releases that have a machine type; all, if nothing is known of it."""
    return [release for release in RELEASES if exists(machine, release) is not False]
