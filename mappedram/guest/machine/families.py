"""Families of machine types: the emulator that has them, and the name of their memory.

The file names the machine, not the emulator, and several emulators have a machine called `virt`. So
the emulator is a guess from other contents of the file.

Source: QEMU hw/*/, default_ram_id and the names given to memory_region_init_ram(); names of blocks
and devices as measured with 10.0.2 and 11.1.3.
"""

import re
from dataclasses import dataclass

from mappedram.stream.model import Stream


@dataclass(frozen=True, slots=True)
class Family:
    """Similar machine types.

    Attributes:
        machine: regular expression for the whole name.
        arch: the suffix of `qemu-system-`.
        ram_id: name of the RAM block that `-m` sizes.
        witness: regular expression for the whole name of a block or device; one must be present.
            Empty if the machine's name suffices.
    """

    machine: str
    arch: str
    ram_id: str
    witness: str = ""


FAMILIES = (
    Family(r"(pc|q35|isapc|pc-i440fx|pc-q35)(-.*)?", "x86_64", "pc.ram"),
    Family(r"microvm", "x86_64", "microvm.ram"),
    Family(r"virt(-.*)?", "riscv64", "riscv_virt_board.ram", r"riscv_.*"),
    Family(r"virt(-.*)?", "loongarch64", "loongarch.ram", r"loongarch.*"),
    Family(r"virt(-.*)?", "m68k", "m68k_virt.ram", r"m68k_virt.*|goldfish_pic"),
    Family(r"virt(-.*)?", "aarch64", "mach-virt.ram", r"mach-virt.*|arm_gic.*|pl011"),
    Family(r"sbsa-ref", "aarch64", "sbsa-ref.ram"),
    Family(r"raspi[34].*", "aarch64", "ram"),
    Family(r"raspi[012].*", "arm", "ram"),
    Family(r"xlnx-zcu102", "aarch64", "ddr-ram"),
    Family(r"mps2-an.*", "arm", "mps.ram"),
    Family(r"mac99", "ppc", "ppc_core99.ram"),
    Family(r"g3beige", "ppc", "ppc_heathrow.ram"),
    Family(r"powernv.*", "ppc64", "pnv.ram"),
    Family(r"sifive_u", "riscv64", "riscv.sifive.u.ram"),
    Family(r"xenfv(-.*)?", "x86_64", "xen.ram"),
    Family(r"(s390-ccw-virtio)(-.*)?", "s390x", "s390.ram"),
    Family(r"pseries(-.*)?", "ppc64", "ppc_spapr.ram"),
    Family(r"malta", "mips64el", "mips_malta.ram"),
    Family(r"sun4u", "sparc64", "sun4u.ram"),
    Family(r"none", "x86_64", "ram"),
)


def family_of(stream: Stream) -> tuple[Family, str] | None:
    """The family of the machine, and the evidence for it; None if no family matches."""
    names = [block.idstr for block in stream.blocks]
    names += [section.idstr for section in stream.sections if section.idstr]
    for family in FAMILIES:
        if not re.fullmatch(family.machine, stream.machine or ""):
            continue
        if not family.witness:
            return family, f"machine type {stream.machine!r}"
        for name in names:
            if re.fullmatch(family.witness, name):
                return family, f"machine type {stream.machine!r} and {name!r}"
    return None
