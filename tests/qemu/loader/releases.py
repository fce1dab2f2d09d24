"""The releases that have the machine type of a snapshot."""

from mappedram.qemu.loader import RELEASES
from mappedram.qemu.loader.machines import exists


def releases_of(machine: str) -> list[str]:
    """The releases that have a machine type; all, if it is unknown."""
    return [release for release in RELEASES if exists(machine, release) is not False]
