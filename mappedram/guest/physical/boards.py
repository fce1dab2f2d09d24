"""Blocks at fixed addresses on boards, and devices in front of memory, as data.

Source: QEMU hw/arm/bcm2836.c, bcm2835_peripherals.c, xlnx-zynqmp.c and mps2.c;
hw/ppc/mac_newworld.c, mac_oldworld.c, pnv.c; hw/riscv/sifive_u.c; hw/i386/xen/xen-hvm.c. All rows
but that of Xen are compared with `info mtree` of 10.0.2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.guest.physical.rules import ABOVE_4G, KIB, MIB

BOARD_BASIS = "rule: memory of this machine"


@dataclass(frozen=True, slots=True)
class Placed:
    """A block at fixed addresses.

    Attributes:
        machine: regular expression for the whole name of the machine type.
        idstr: name of the block.
        gpas: where it begins; more than one if it is mapped repeatedly.
        is_ram: whether the guest is told of it as memory.
    """

    machine: str
    idstr: str
    gpas: tuple[int, ...]
    is_ram: bool = True


#: Memory of the on-chip controller, by the first one; each chip has 4 MiB.
_HOMERS = {
    r"powernv8": 0x7F_FD80_0000,
    r"powernv9": 0x203F_FD80_0000,
    r"powernv1[01].*": 0x300F_FD80_0000,
}
_CHIPS = 16

PLACED = (
    *(
        Placed(
            r"xlnx-zcu102",
            f"zynqmp.ocm_ram_bank_{bank}",
            (0xFFFC_0000 + bank * 64 * KIB,),
            is_ram=False,
        )
        for bank in range(4)
    ),
    *(
        Placed(machine, f"homer-chip{chip}-memory", (first + chip * 4 * MIB,), is_ram=False)
        for machine, first in _HOMERS.items()
        for chip in range(_CHIPS)
    ),
    Placed(r"mac99", "ppc_core99.bios", (0xFFF0_0000,), is_ram=False),
    Placed(r"g3beige", "ppc_heathrow.bios", (0xFFC0_0000,), is_ram=False),
    Placed(r"sifive_u", "riscv.sifive.u.mrom", (0x1000,), is_ram=False),
    Placed(r"sifive_u", "riscv.sifive.u.l2lim", (0x0800_0000,)),
    Placed(r"sifive_u", "riscv.sifive.u.flash0", (0x2000_0000,)),
    Placed(r"mps2-an(385|386|500)", "mps.ssram1", (0, 0x40_0000)),
    Placed(r"mps2-an(385|386|500)", "mps.ssram23", (0x2000_0000, 0x2040_0000)),
    Placed(
        r"mps2-an38[56]",
        "mps.blockram",
        tuple(0x0100_0000 + place * 16 * KIB for place in range(4)),
    ),
    Placed(r"mps2-an511", "mps.blockram", (0,)),
    Placed(r"mps2-an511", "mps.ssram1", (0x40_0000,)),
    Placed(r"mps2-an511", "mps.sram", (0x2000_0000,)),
    Placed(r"mps2-an511", "mps.ssram23", (0x2040_0000,)),
)

#: Addresses that devices answer in front of memory, by machine type: start and end.
HIDDEN: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    # Peripherals of BCM2836 and BCM2837, of machines with 1 GiB.
    (
        r"raspi2b|raspi3b",
        (
            (0x3F003000, 0x3F003020),
            (0x3F004000, 0x3F005000),
            (0x3F006000, 0x3F008000),
            (0x3F00B200, 0x3F00B440),
            (0x3F00B800, 0x3F00BC00),
            (0x3F100000, 0x3F100200),
            (0x3F101000, 0x3F103000),
            (0x3F104000, 0x3F104010),
            (0x3F200000, 0x3F203100),
            (0x3F204000, 0x3F204018),
            (0x3F205000, 0x3F205024),
            (0x3F20F000, 0x3F20F080),
            (0x3F212000, 0x3F212008),
            (0x3F214000, 0x3F214100),
            (0x3F215000, 0x3F215100),
            (0x3F300000, 0x3F300100),
            (0x3F600000, 0x3F600100),
            (0x3F804000, 0x3F804024),
            (0x3F805000, 0x3F805024),
            (0x3F900000, 0x3F908000),
            (0x3F910000, 0x3F918000),
            (0x3F980000, 0x3F991000),
            (0x3FC00000, 0x3FC01000),
            (0x3FE00000, 0x3FE00100),
            (0x3FE05000, 0x3FE05100),
        ),
    ),
    (r"mac99", ((0xFFF0_4000, 0xFFF0_8000),)),  # the NVRAM
    # The block has bytes for these addresses, too, but nothing is there.
    (r"xenfv(-.*)?", ((0xA_0000, 0xC_0000), (0xF000_0000, ABOVE_4G))),
)


def placed_blocks(machine: str | None) -> Iterator[Placed]:
    """The blocks at fixed addresses of a machine type."""
    return (row for row in PLACED if re.fullmatch(row.machine, machine or ""))


def hidden_ranges(machine: str | None) -> Iterator[tuple[int, int]]:
    """The addresses in front of memory of a machine type."""
    for pattern, ranges in HIDDEN:
        if re.fullmatch(pattern, machine or ""):
            yield from ranges
