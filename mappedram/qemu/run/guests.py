"""Machines to try a loader with; their memory can be read from outside after a load."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass(frozen=True)
class TrialGuest:
    """A machine with each of its `blocks` in a file of ours.

    Attributes:
        name: its name in `GUESTS`.
        args: QEMU's arguments besides memory; they use the blocks as memory backends.
        blocks: bytes of each RAM block whose contents are compared, by `idstr`. Other blocks, such
            as ROM, are not compared.
        page_size: bytes of a target page.
        capabilities: switched on before a load, as they were before the save.
        arch: the emulator that has the machine, as in `qemu-system-ARCH`; None if all have it.
    """

    name: str
    args: tuple[str, ...]
    blocks: Mapping[str, int]
    page_size: int = 4096
    capabilities: tuple[str, ...] = field(default=("mapped-ram",))
    arch: str | None = None

    def suits(self, arch: str) -> bool:
        """Whether the emulator of an architecture has the machine."""
        return self.arch in (None, arch)


def _numa(nodes: int) -> tuple[str, ...]:
    return tuple(
        arg for node in range(nodes) for arg in ("-numa", f"node,nodeid={node},memdev=node{node}")
    )


#: No screen, so no screen memory; the firmware is QEMU's own and never runs.
_PC = ("-vga", "none", "-machine")
#: Machine types of 10.0, which it and all later releases have.
_VIRT = ("-cpu", "cortex-a57", "-machine", "virt-10.0,memory-backend=mach-virt.ram")

GUESTS = {
    guest.name: guest
    for guest in (
        TrialGuest("none", ("-machine", "none,memory-backend=ram", "-m", "16M"), {"ram": 16 * MIB}),
        TrialGuest(
            "pc",
            (*_PC, "pc-i440fx-10.0,memory-backend=pc.ram", "-m", "16M"),
            {"pc.ram": 16 * MIB},
            arch="x86_64",
        ),
        TrialGuest(
            "q35",
            (*_PC, "pc-q35-10.0,memory-backend=pc.ram", "-m", "16M"),
            {"pc.ram": 16 * MIB},
            arch="x86_64",
        ),
        TrialGuest(
            "numa",
            (*_PC, "pc-i440fx-10.0", "-smp", "3", "-m", "14M", *_numa(3)),
            {"node0": 8 * MIB, "node1": 4 * MIB, "node2": 2 * MIB},
            arch="x86_64",
        ),
        TrialGuest("virt", (*_VIRT, "-m", "16M"), {"mach-virt.ram": 16 * MIB}, arch="aarch64"),
    )
}
