"""Memory layouts of machine types, as data. Nothing here reads a file.

Source: QEMU hw/i386/pc_piix.c, pc_init1(); pc_q35.c, pc_q35_init(); microvm.c,
microvm_memory_init(); pc_sysfw.c, pc_system_flash_map(); hw/arm/virt.c, base_memmap;
hw/riscv/virt.c, virt_memmap; hw/loongarch/virt.c; hw/arm/sbsa-ref.c. All rows are compared with
`info mtree` of 10.0.2, except machine types that QEMU 10 has dropped.
"""

import re
from dataclasses import dataclass

GIB = 1 << 30
MIB = 1 << 20
KIB = 1 << 10
#: Address of the memory that does not fit below 4 GiB on a PC.
ABOVE_4G = 4 * GIB
#: An AMD host reserves addresses from here on. If the second piece would reach this address,
#: machine types since 7.1 put it at 1 TiB. Source: QEMU hw/i386/pc.c, pc_memory_init().
AMD_HOLE = 0xFD_0000_0000
AMD_ABOVE = 1 << 40
#: The most that `pci-hole64-size` puts after memory by default (q35).
PCI_HOLE64 = 32 * GIB
#: Alignment of device memory (`-m maxmem=`). Source: QEMU hw/i386/pc.c.
DEVICE_MEMORY_ALIGNMENT = GIB
#: Alignment of anonymous host memory, and therefore of a DIMM. Source: QEMU util/oslib-posix.c,
#: qemu_anon_ram_alloc().
DIMM_ALIGNMENT = 2 * MIB


@dataclass(frozen=True, slots=True)
class Window:
    """Addresses that main memory fills, in order with other windows."""

    gpa: int
    size: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryLayout:
    """Memory layout of some machine types.

    Attributes:
        machine: regular expression for the whole name of the machine type.
        arch: the emulator, as `mappedram.guest.machine` guesses it.
        windows: addresses that main memory fills, in this order.
        whole_below: memory below this size is not divided, whatever the size of the first window.
        adjustable: whether an option can move the end of the first window (`max-ram-below-4g`).
        doubt: the uncertain part of the row, in words.
    """

    machine: str
    arch: str
    windows: tuple[Window, ...]
    whole_below: int = 0
    adjustable: bool = False
    doubt: str = ""

    def pieces(self, total: int) -> list[tuple[int, int]]:
        """Addresses and sizes of the pieces of `total` bytes."""
        if total < self.whole_below:
            return [(self.windows[0].gpa, total)]
        found = []
        for window in self.windows:
            size = total if window.size is None else min(total, window.size)
            if size:
                found.append((window.gpa, size))
            total -= size
        return found


def _pc(machine: str, low: int, whole_below: int) -> MemoryLayout:
    windows = (Window(0, low), Window(ABOVE_4G))
    return MemoryLayout(machine, "x86_64", windows, whole_below, adjustable=True)


#: The first row that matches applies.
LAYOUTS = (
    # Without gigabyte_align, which came with 2.0.
    _pc(r"pc(-i440fx)?-[01]\..*", 0xE000_0000, 0xE000_0000),
    _pc(r"pc-q35-1\..*", 0xB000_0000, 0xB000_0000),
    _pc(r"isapc", 0xE000_0000, 0xE000_0000),
    _pc(r"(q35|pc-q35)(-.*)?", 0x8000_0000, 0xB000_0000),
    _pc(r"pc(-i440fx-.*|-[0-9].*)?", 0xC000_0000, 0xE000_0000),
    MemoryLayout(r"microvm", "x86_64", (Window(0, 0xC000_0000), Window(ABOVE_4G))),
    MemoryLayout(r"virt(-.*)?", "aarch64", (Window(0x4000_0000),)),
    MemoryLayout(r"virt(-.*)?", "riscv64", (Window(0x8000_0000),)),
    MemoryLayout(
        r"virt(-.*)?",
        "loongarch64",
        (Window(0, 0x1000_0000), Window(0x8000_0000)),
        doubt="whether memory above 256 MiB begins at 0x80000000: before QEMU 9.1 it began at"
        " 0x90000000, on the same machine type",
    ),
    MemoryLayout(r"virt(-.*)?", "m68k", (Window(0),)),
    MemoryLayout(r"sbsa-ref", "aarch64", (Window(0x100_0000_0000),)),
    MemoryLayout(r"s390-ccw-virtio(-.*)?", "s390x", (Window(0),)),
    MemoryLayout(r"pseries(-.*)?", "ppc64", (Window(0),)),
    MemoryLayout(r"none", "x86_64", (Window(0),)),
    MemoryLayout(r"raspi[34].*", "aarch64", (Window(0),)),
    MemoryLayout(r"raspi[012].*", "arm", (Window(0),)),
    MemoryLayout(r"xlnx-zcu102", "aarch64", (Window(0, 0x8000_0000), Window(0x8_0000_0000))),
    MemoryLayout(r"mac99|g3beige", "ppc", (Window(0),)),
    MemoryLayout(r"powernv.*", "ppc64", (Window(0),)),
    MemoryLayout(r"sifive_u", "riscv64", (Window(0x8000_0000),)),
    MemoryLayout(r"mps2-an(385|386|511)", "arm", (Window(0x2100_0000),)),
    MemoryLayout(r"mps2-an500", "arm", (Window(0x6000_0000),)),
    # The other memory of these is behind controllers, where only the CPUs see it.
    MemoryLayout(r"mps2-an(505|521)", "arm", (Window(0x8000_0000),)),
    MemoryLayout(
        r"xenfv(-.*)?",
        "x86_64",
        (Window(0),),
        doubt="all addresses: Xen keeps the memory of its guests, and where it ends below 4 GiB is"
        " an option (max-ram-below-4g)",
    ),
)


@dataclass(frozen=True, slots=True)
class Firmware:
    """Address of a firmware block; `gpa` is None for the top of the first 4 GiB of a PC."""

    arch: str
    idstr: str
    gpa: int | None


#: Blocks at the top of 4 GiB are placed from the top down, in this order.
FIRMWARE = (
    Firmware("x86_64", "pc.bios", None),
    Firmware("x86_64", "system.flash0", None),
    Firmware("x86_64", "system.flash1", None),
    Firmware("aarch64", "virt.flash0", 0),
    Firmware("aarch64", "virt.flash1", 0x0400_0000),
    Firmware("aarch64", "sbsa.flash1", 0x1000_0000),
    Firmware("riscv64", "riscv_virt_board.mrom", 0x1000),
    Firmware("riscv64", "virt.flash0", 0x2000_0000),
    Firmware("riscv64", "virt.flash1", 0x2200_0000),
    Firmware("loongarch64", "virt.flash0", 0x1C00_0000),
    Firmware("loongarch64", "virt.flash1", 0x1D00_0000),
)


def layout_of(machine: str | None, arch: str) -> MemoryLayout | None:
    """The row for a machine type of an emulator; None if there is none."""
    for layout in LAYOUTS:
        if layout.arch == arch and re.fullmatch(layout.machine, machine or ""):
            return layout
    return None


def moves_above_1t(machine: str | None) -> bool:
    """Whether a machine type can put its second piece at 1 TiB on an AMD processor."""
    found = re.fullmatch(r"pc-(?:i440fx|q35)-(\d+)\.(\d+).*", machine or "")
    return found is None or (int(found[1]), int(found[2])) >= (7, 1)
