"""The machines to save, with the differences in their streams."""

from __future__ import annotations

from dataclasses import dataclass

from tools.qemu.recipe import KIB, MIB

# No host clock and no randomness, so that two machines with the same arguments are the same.
COMMON = "-accel tcg -rtc base=2024-01-01,clock=vm -seed 1 "
_PC = " -vga none -m 16M -bios {dir}/halt.bin"
_BACKEND = " -object memory-backend-file,id={block},size=16M,share=on,mem-path={{dir}}/shared"
_DISK = " -blockdev null-co,node-name=disk0,size=67108864"


@dataclass(frozen=True)
class Guest:
    """A machine.

    Attributes:
        name: its name in the results.
        arch: target of the system emulator.
        args: QEMU's arguments; `{dir}` stands for a folder with `tools.qemu.firmware` in it.
        filled: names of the blocks with a pattern.
        live: whether it runs, and changes its memory, during the save.
        bitmap: whether its disk `disk0` has a dirty bitmap.
        shared: whether the memory is the file `shared`, which outlives the machine.
        thorough: whether pairs of capabilities are tried as well.
    """

    name: str
    arch: str
    args: str
    filled: tuple[str, ...]
    live: bool = False
    bitmap: bool = False
    shared: bool = False
    thorough: bool = True


def _brief(name: str, arch: str, args: str, *filled: str) -> Guest:
    return Guest(name, arch, args, filled, thorough=False)


TABLE = (
    Guest("none", "x86_64", "-M none -m 16M", ("ram",)),
    Guest("pc", "x86_64", "-M pc" + _PC, ("pc.ram",)),
    Guest(
        "none-shared",
        "x86_64",
        "-M none,memory-backend=ram -m 16M" + _BACKEND.format(block="ram"),
        ("ram",),
        shared=True,
    ),
    Guest(
        "pc-bitmap",
        "x86_64",
        "-M pc" + _PC + _DISK,
        ("pc.ram",),
        bitmap=True,
    ),
    Guest(
        "pc-live",
        "x86_64",
        "-M pc" + _PC.replace("halt", "churn"),
        ("pc.ram",),
        live=True,
    ),
    Guest("q35", "x86_64", "-M q35" + _PC, ("pc.ram",)),
    Guest("microvm", "x86_64", "-M microvm,x-option-roms=off" + _PC, ("microvm.ram",)),
    Guest("avr", "avr", "-M arduino-uno", ("flash", "sram")),
    Guest("arm-1k", "arm", "-M netduino2", ("STM32F205.flash", "STM32F205.sram")),
    Guest("aarch64-virt", "aarch64", "-M virt -cpu cortex-a57 -m 16M", ("mach-virt.ram",)),
    Guest("riscv64-virt", "riscv64", "-M virt -bios none -m 16M", ("riscv_virt_board.ram",)),
    Guest("s390x", "s390x", "-M s390-ccw-virtio -m 16M -bios {dir}/key.elf", ("s390.ram",)),
    Guest(
        "pseries",
        "ppc64",
        "-M pseries -cpu power8 -m 256M -bios {dir}/enter.bin",
        ("ppc_spapr.ram",),
        thorough=False,
    ),
    Guest(
        "virtio-mem",
        "x86_64",
        "-M q35 -vga none -m 16M,maxmem=32M -bios {dir}/halt.bin"
        " -object memory-backend-ram,id=vm0,size=16M -device virtio-mem-pci,memdev=vm0",
        ("pc.ram",),
        thorough=False,
    ),
    _brief(
        "numa2",
        "x86_64",
        "-M pc -object memory-backend-ram,id=node0,size=16M -object memory-backend-ram,id=node1,"
        "size=16M -numa node,memdev=node0 -numa node,memdev=node1" + _PC.replace("16M", "32M"),
        "node0",
        "node1",
    ),
    Guest(
        "pc-shared",
        "x86_64",
        "-M pc,memory-backend=pc.ram" + _PC + _BACKEND.format(block="pc.ram"),
        ("pc.ram",),
        shared=True,
        thorough=False,
    ),
    _brief("isapc", "x86_64", "-M isapc" + _PC, "pc.ram"),
    _brief("avr-mega", "avr", "-M mega2560", "flash", "sram"),
    _brief("riscv32-virt", "riscv32", "-M virt -bios none -m 16M", "riscv_virt_board.ram"),
    _brief("m68k-virt", "m68k", "-M virt -m 16M", "m68k_virt.ram"),
    _brief("or1k-virt", "or1k", "-M virt -m 16M", "openrisc.ram"),
    _brief("sh4-r2d", "sh4", "-M r2d -m 16M", "r2d.sdram"),
    _brief("xtensa-sim", "xtensa", "-M sim -m 16M", "xtensa.sysram0"),
    _brief("microblaze", "microblaze", "-M petalogix-ml605 -m 16M", "petalogix_ml605.ram"),
    _brief("tricore", "tricore", "-M tricore_testboard", "powerlink_ext_c.ram"),
    _brief("rx", "rx", "-M gdbsim-r5f562n7", "ext-sdram"),
    _brief("alpha", "alpha", "-M clipper -m 64M", "ram"),
)

#: Bytes of one contiguous pattern; the block may be smaller.
ROW = 64 * KIB
#: Larger blocks are not compared, which would take too long in every case.
LARGEST = 256 * MIB
