"""The fixtures, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import pattern
from .machine import MAPPED_RAM, NEWER, OLDER
from .recipe import (
    KIB,
    MIB,
    Fill,
    Fixture,
    completed,
    devices_only,
    failed,
    halted,
    killed,
    live,
    with_dirty_bitmap,
)


def backend(block: str, size: str = "16M") -> str:
    """Arguments that make a fill the memory of a block; the block gets the backend's id."""
    path = f"{{dir}}/{block}"
    return f" -object memory-backend-file,id={block},size={size},share=off,mem-path={path}"


def shared(block: str, size: str = "16M") -> str:
    """The same with memory that other processes see, so that the file is the guest's memory."""
    return backend(block, size).replace("share=off", "share=on")


def loader(block: str, address: int) -> str:
    """Arguments that copy a fill to guest-physical `address`, into any memory."""
    return f" -device loader,file={{dir}}/{block},addr={address:#x},force-raw=on"


def guest(memory: str = "16M", firmware: str = "halt.bin") -> str:
    """Arguments that give a PC its memory's size and its firmware, and no other ROM."""
    return f" -vga none -m {memory} -bios {{dir}}/{firmware}"


PC = "-machine pc-i440fx-10.0,memory-backend=pc.ram" + backend("pc.ram")
Q35 = "-machine pc-q35-10.0,memory-backend=pc.ram" + backend("pc.ram")
SUPPRESS_VMDESC = " -machine suppress-vmdesc=on"
SEND_NO_FOOTERS = " -global migration.send-section-footer=off"
SEND_NO_CONFIGURATION = " -global migration.send-configuration=off"
UUID = " -uuid 6d617070-6564-4261-8172-616d66696c65"

# The first and the last page; runs within, across and exactly filling words of the bitmap (64
# pages). None lies between 640 KiB and 1 MiB, where ROMs hide the RAM of a PC.
RUNS = ((0, 1), (16, 24), (63, 66), (512, 576), (4095, 4096))
# The same, beside the device tree that `virt` machines put into RAM.
RUNS_BESIDE_DEVICE_TREE = ((512, 576), (639, 642), (4095, 4096))
MANY_RUNS = tuple((start, start + 1 + start % 5) for start in range(259, 4096, 23))

PC_RAM = Fill("pc.ram", RUNS)


def on_pc(name: str, reason: str, args: str = PC + guest(), **changes: Any) -> Fixture:
    """A fixture that differs only slightly from `pc`."""
    usual = Fixture(name=name, reason=reason, args=args, fills=(PC_RAM,), finish=completed)
    return replace(usual, **changes)


TABLE = (
    on_pc("pc", "the plain case: a stopped PC"),
    on_pc(
        "q35",
        "the other PC chipset, with other devices",
        args=Q35 + guest(),
    ),
    Fixture(
        name="microvm",
        reason="a machine type without a version, few devices",
        args="-machine microvm,x-option-roms=off,memory-backend=microvm.ram"
        + backend("microvm.ram")
        + guest(),
        fills=(Fill("microvm.ram", RUNS),),
        finish=completed,
    ),
    Fixture(
        name="none",
        reason="one RAM block and almost no device state",
        args="-machine none,memory-backend=ram -m 16M" + backend("ram"),
        fills=(Fill("ram", RUNS),),
        finish=completed,
    ),
    Fixture(
        name="aarch64-virt",
        reason="the subsection configuration/target-page-bits; big empty flash blocks",
        arch="aarch64",
        args="-machine virt-10.0,memory-backend=mach-virt.ram"
        + backend("mach-virt.ram")
        + " -cpu cortex-a57 -m 16M",
        fills=(Fill("mach-virt.ram", RUNS_BESIDE_DEVICE_TREE),),
        finish=completed,
    ),
    Fixture(
        name="aarch64-sve",
        reason="vector registers, whose length the file does not record",
        arch="aarch64",
        args="-machine virt-10.0,memory-backend=mach-virt.ram"
        + backend("mach-virt.ram")
        + " -cpu a64fx -m 16M",
        fills=(Fill("mach-virt.ram", RUNS_BESIDE_DEVICE_TREE),),
        finish=completed,
    ),
    Fixture(
        name="riscv64-virt",
        reason="a block whose number of pages is not a multiple of 8: riscv_virt_board.mrom has 15",
        arch="riscv64",
        args="-machine virt,memory-backend=riscv_virt_board.ram"
        + backend("riscv_virt_board.ram")
        + " -bios none -m 16M",
        fills=(Fill("riscv_virt_board.ram", RUNS_BESIDE_DEVICE_TREE),),
        finish=completed,
    ),
    Fixture(
        name="sifive_u",
        reason="a board: memory, flash and ROM of its own at fixed addresses",
        arch="riscv64",
        args="-machine sifive_u,memory-backend=riscv.sifive.u.ram"
        + backend("riscv.sifive.u.ram")
        + " -bios none -m 16M",
        fills=(Fill("riscv.sifive.u.ram", RUNS_BESIDE_DEVICE_TREE),),
        finish=completed,
    ),
    Fixture(
        name="arm-1k",
        reason="target pages of 1 KiB, smaller than a block of most file systems",
        arch="arm",
        args="-machine netduino2"
        + loader("STM32F205.flash", 0x0800_0000)
        + loader("STM32F205.sram", 0x2000_0000),
        fills=(
            Fill(
                "STM32F205.flash",
                ((0, 1), (5, 6), (62, 130), (1023, 1024)),
                size=MIB,
                page_size=KIB,
            ),
            Fill(
                "STM32F205.sram",
                ((1, 3), (63, 65), (127, 128)),
                pattern.seed(b"RAM1"),
                size=128 * KIB,
                page_size=KIB,
            ),
        ),
        finish=completed,
    ),
    *(
        Fixture(
            name=name,
            reason=reason,
            arch="avr",
            args="-machine arduino-uno" + loader("flash", 0) + loader("sram", 0x80_0100),
            fills=(
                Fill(
                    "flash",
                    ((0, 1), (5, 7), (62, 67), (127, 128)),
                    size=32 * KIB,
                    page_size=256,
                ),
                Fill("sram", ((1, 2), (4, 7)), pattern.seed(b"RAM1"), size=2 * KIB, page_size=256),
            ),
            capabilities=capabilities,
            finish=completed,
        )
        for name, reason, capabilities in (
            ("avr", "target pages of 256 bytes, the smallest of any target", MAPPED_RAM),
            ("avr-plain", "records of pages of 256 bytes: addresses reach into the flags", ()),
        )
    ),
    on_pc(
        "numa2",
        "guest RAM in two blocks of the same size, in order of registration",
        args="-machine pc-i440fx-10.0"
        + backend("node0")
        + backend("node1")
        + " -numa node,memdev=node0 -numa node,memdev=node1"
        + guest("32M"),
        fills=(Fill("node0", RUNS), Fill("node1", RUNS, pattern.seed(b"RAM1"))),
    ),
    on_pc(
        "memory-backend",
        "the main RAM block named by its backend instead of pc.ram",
        args="-machine pc-i440fx-10.0,memory-backend=m0" + backend("m0") + guest(),
        fills=(Fill("m0", RUNS),),
    ),
    on_pc(
        "multifd3",
        "written by three multifd channels, which make no difference",
        capabilities=("mapped-ram", "multifd"),
        parameters={"multifd-channels": 3},
    ),
    on_pc(
        "direct-io",
        "pages written with O_DIRECT",
        capabilities=("mapped-ram", "multifd"),
        parameters={"direct-io": True},
    ),
    on_pc(
        "live",
        "stale pages: the guest fills and zeroes pages 32 to 47 in a loop, so that some became zero"
        " after they were written: their bits are clear, but the bytes remain; each 16-bit word"
        " there is the page's address >> 4, or zero",
        args=PC + guest(firmware="churn.bin"),
        parameters={"max-bandwidth": MIB, "downtime-limit": 1},
        finish=live,
    ),
    on_pc(
        "offset-unaligned",
        "a stream at an odd offset, after other bytes",
        offset=0x1239,
    ),
    on_pc(
        "zero-page-none",
        "set bits, and bytes on disk, for pages that are zero",
        parameters={"zero-page-detection": "none"},
    ),
    on_pc(
        "uuid",
        "the subsection configuration/uuid",
        args=PC + guest() + UUID,
        capabilities=("mapped-ram", "validate-uuid"),
    ),
    on_pc("no-footers", "no section footers", args=PC + guest() + SEND_NO_FOOTERS),
    on_pc("no-vmdesc", "nothing after the EOF byte", args=PC + guest() + SUPPRESS_VMDESC),
    on_pc(
        "no-footers-no-vmdesc",
        "nothing shows where a device section ends",
        args=PC + guest() + SEND_NO_FOOTERS + SUPPRESS_VMDESC,
    ),
    on_pc(
        "no-configuration",
        "no configuration section: nothing announces mapped-ram",
        args=PC + guest() + SEND_NO_CONFIGURATION + SUPPRESS_VMDESC,
    ),
    on_pc(
        "many-runs",
        "hundreds of pages in scattered runs, some across bitmap words",
        fills=(Fill("pc.ram", MANY_RUNS),),
    ),
    on_pc(
        "ignore-shared",
        "x-ignore-shared without a shared block: one more field before each MappedRamHeader"
        " (which QEMU <= 10.2 cannot read back), and two capabilities of different length",
        capabilities=("x-ignore-shared", "mapped-ram"),
    ),
    on_pc(
        "dirty-bitmaps",
        "the command POSTCOPY_ADVISE before RAM, a second live section, and over a thousand PART"
        " sections, which an idle QEMU writes until it has measured the bandwidth",
        args=PC + guest() + " -blockdev null-co,node-name=disk0,size=67108864",
        capabilities=("mapped-ram", "dirty-bitmaps"),
        # Enough bandwidth for all pages and some 40 KB of sections until the next measurement.
        parameters={"max-bandwidth": 4_500_000},
        finish=with_dirty_bitmap,
    ),
    on_pc(
        "no-dirty-bitmap",
        "a live device with START only: dirty-bitmaps without a bitmap on any disk",
        capabilities=("mapped-ram", "dirty-bitmaps"),
    ),
    on_pc(
        "killed",
        "a killed save: pages, but all bitmaps zero, and no end of the stream",
        parameters={"max-bandwidth": 200 * KIB},
        finish=killed,
    ),
    on_pc(
        "ignore-shared-failed",
        "a save that failed between two bitmaps, at a block of shared memory (E-003)",
        args="-machine pc-i440fx-10.0"
        + backend("node0")
        + backend("node1", "8M").replace("share=off", "share=on")
        + " -numa node,memdev=node0 -numa node,memdev=node1"
        + guest("24M"),
        fills=(Fill("node0", RUNS), Fill("node1", RUNS[:-1], pattern.seed(b"RAM1"), size=8 * MIB)),
        capabilities=("x-ignore-shared", "mapped-ram"),
        finish=failed,
    ),
    on_pc(
        "background-snapshot",
        "a save that QEMU reports as completed: pages, but all bitmaps zero, and no END of RAM",
        # The kernel write-protects anonymous memory for QEMU, but not a private mapping of a file.
        args="-machine pc-i440fx-10.0" + guest() + loader("pc.ram", 0),
        capabilities=("mapped-ram", "background-snapshot"),
        finish=halted,  # QEMU 10.0 aborts if the guest never ran
    ),
    on_pc(
        "background-snapshot-plain",
        "a save without mapped-ram in the background: all pages, but no END of RAM",
        args="-machine pc-i440fx-10.0" + guest() + loader("pc.ram", 0),
        capabilities=("background-snapshot",),
        finish=halted,
    ),
    on_pc(
        "devices-only",
        "what xen-save-devices-state writes: FULL sections and nothing else",
        capabilities=(),
        finish=devices_only,
    ),
    on_pc(
        "virtio-mem",
        "a FULL section, of the device's early state, between START and PART of RAM; the block of a"
        " device with nothing plugged",
        args=Q35
        + guest("16M,maxmem=32M")
        + " -object memory-backend-ram,id=vm0,size=16M -device virtio-mem-pci,memdev=vm0",
    ),
    Fixture(
        name="pseries",
        reason="the live section spapr/htab with one entry; instance ids of 2^31 and more",
        arch="ppc64",
        args="-machine pseries-10.0 -cpu power8 -m 256M -bios {dir}/enter.bin",
        finish=halted,
    ),
    Fixture(
        name="s390x",
        reason="the live section s390-storage_attributes, s390-skeys, a null pointer in an array",
        arch="s390x",
        args="-machine s390-ccw-virtio-10.0 -m 16M -bios {dir}/key.elf",
        finish=halted,
    ),
    on_pc(
        "pc-11",
        "QEMU 11: a JSON text whose arrays have no index",
        beside=NEWER,
        args=PC.replace("10.0", "11.1") + guest(),
    ),
    Fixture(
        name="s390x-11",
        reason="QEMU 11: markers of pointers in a JSON array",
        arch="s390x",
        beside=NEWER,
        args="-machine s390-ccw-virtio-11.1 -m 16M -bios {dir}/key.elf",
        finish=halted,
    ),
    on_pc("plain", "the stream as it is without mapped-ram", capabilities=()),
    on_pc(
        "compress",
        "a stream without mapped-ram whose pages are compressed, which QEMU 9.1 gave up",
        beside=OLDER,
        args=PC.replace("10.0", "7.2") + guest(),
        fills=(Fill("pc.ram", MANY_RUNS),),
        capabilities=("compress",),
        parameters={"compress-threads": 1},  # several threads would put the records in random order
    ),
)

#: Files without the memory of the guest, which stays in shared memory. They are no fixtures for all
#: tests, because most compare memory.
TEMPLATES = (
    on_pc(
        "template",
        "x-ignore-shared with a shared block, as QEMU 11 writes it: two offsets of 0, and no pages",
        beside=NEWER,
        args="-machine pc-i440fx-10.0,memory-backend=mem" + shared("mem") + guest(),
        fills=(Fill("mem", RUNS),),
        capabilities=("x-ignore-shared", "mapped-ram"),
    ),
    on_pc(
        "template-plain",
        "x-ignore-shared with a shared block and without mapped-ram: no record of the block",
        args="-machine pc-i440fx-10.0,memory-backend=mem" + shared("mem") + guest(),
        fills=(Fill("mem", RUNS),),
        capabilities=("x-ignore-shared",),
    ),
)
