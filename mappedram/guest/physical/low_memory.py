"""Addresses from 640 KiB to 1 MiB of a PC, where ROM and video memory hide main memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.guest.physical.payload import devices, pci_configs
from mappedram.guest.physical.ranges import Range
from mappedram.guest.physical.rules import KIB, MIB

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

#: Video memory: start and end.
VIDEO = (0xA0000, 0xC0000)
#: Region where the chipset selects ROM or RAM: start and end.
SHADOWED = (0xC0000, MIB)
_OPTION_ROMS = ("pc.rom", 0xC0000)
#: The last bytes of the firmware are mapped here, too. Source: QEMU hw/i386/x86-common.c,
#: x86_isa_bios_init(); hw/i386/x86.c, x86_bios_rom_init() in 9.0.
_BIOS_MAX = 128 * KIB
_BIOS_BLOCKS = ("isa-bios", "pc.bios", "system.flash0")
#: Machine types where ROM always hides RAM.
_NO_CHIPSET = re.compile(r"isapc|microvm")


@dataclass(frozen=True, slots=True)
class Chipset:
    """Offsets of the registers in the configuration space of a chipset.

    Source: QEMU include/hw/pci-host/i440fx.h and q35.h.
    """

    device: str
    pam: int
    smram: int


_CHIPSETS = (Chipset("I440FX", 0x59, 0x72), Chipset("mch", 0x90, 0x9D))
#: Segment of each half of the registers PAM0 to PAM6: start, size, register, shift.
#: Source: QEMU hw/pci-host/pam.c.
_SEGMENTS = (
    (0xF0000, 0x10000, 0, 4),
    *((0xC0000 + 0x4000 * n, 0x4000, 1 + n // 2, 4 * (n % 2)) for n in range(12)),
)
#: If both bits of a segment are clear, reads go to ROM. If either is set, QEMU reads RAM.
_RAM_BITS = 3
_SMRAM_OPEN = 0x40
#: Class code of a VGA, at 0x0a in the configuration space.
_VGA_CLASS = b"\x00\x03"
#: Devices with such video memory that are not on the PCI bus.
_VGA_WITHOUT = re.compile(r"vga|cirrus_vga")


@dataclass(frozen=True, slots=True)
class LowMemory:
    """Memory in front of RAM.

    Attributes:
        hidden: addresses that something without a RAM block answers: start and end.
        ranges: ROM.
        known: False if the state of the chipset cannot be read; then nothing is in front.
        left_out: whether a metadump left out that state.
    """

    hidden: tuple[tuple[int, int], ...]
    ranges: tuple[Range, ...]
    known: bool
    left_out: bool = False


def low_memory(snapshot: "OpenSnapshot") -> LowMemory:
    """Memory in front of RAM on a PC."""
    roms = list(_roms(snapshot))
    names = {section.idstr or "" for section in devices(snapshot)}
    configs = list(pci_configs(snapshot))
    has_vga = any(_VGA_WITHOUT.fullmatch(name) for name in names) or any(
        config is not None and config[0x0A:0x0C] == _VGA_CLASS for _, config in configs
    )
    if not has_vga and any(config is None for _, config in configs):
        return LowMemory((), (), False, left_out=True)  # a device left out may be a VGA
    hidden = (VIDEO,) if has_vga else ()
    if _NO_CHIPSET.fullmatch(snapshot.stream.machine or ""):
        return LowMemory(hidden, tuple(roms), bool(names))
    for name, config in configs:
        for chipset in _CHIPSETS:
            if name == chipset.device and config is None:
                return LowMemory((), (), False, left_out=True)
            if name == chipset.device and config is not None:
                shown = _shown(config[chipset.pam : chipset.pam + 7], roms)
                is_open = config[chipset.smram] & _SMRAM_OPEN
                return LowMemory(() if is_open else hidden, tuple(shown), True)
    return LowMemory((), (), False)


def _roms(snapshot: "OpenSnapshot") -> Iterator[Range]:
    """Option ROMs, and the end of the firmware."""
    blocks = snapshot.block
    name, gpa = _OPTION_ROMS
    if name in blocks:
        size = min(blocks[name].used_length, MIB - gpa)
        yield Range(gpa, size, name, 0, False, "rule: option ROMs", True)
    for name in _BIOS_BLOCKS:
        if name in blocks:
            length = blocks[name].used_length
            size = min(length, _BIOS_MAX)
            basis = "rule: the end of the firmware, below 1 MiB"
            yield Range(MIB - size, size, name, length - size, False, basis, True)
            return


def _shown(registers: bytes, roms: list[Range]) -> Iterator[Range]:
    """Parts of the ROMs that the guest can read."""
    for start, size, index, shift in sorted(_SEGMENTS):
        if registers[index] >> shift & _RAM_BITS:
            continue
        for rom in roms:
            first, last = max(start, rom.gpa), min(start + size, rom.end)
            if first < last:
                offset = rom.offset + first - rom.gpa
                basis = f"{rom.basis}, shown by the PAM registers"
                yield Range(first, last - first, rom.idstr, offset, False, basis, True)
