"""What a machine has without further options, and the options of machines that a file tells of.

Source: streams of QEMU 10.0.2 and 11.1.3 without any device (`python -m tools.devices`).
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from mappedram.guest.restore._boards import TABLE
from mappedram.guest.restore.items import Item, Remaining

#: Sections of every machine; QEMU always loads `dirty-bitmap` and `block`, which are of disks.
_ALWAYS = "ram timer globalstate dirty-bitmap block"
_TABLES = "/rom@etc/acpi/tables /rom@etc/acpi/rsdp /rom@etc/table-loader /rom@etc/acpi/nvdimm-mem"
_PC = (
    "PCIHost PCIBUS acpi_build dma*2 fw_cfg hpet i2c_bus i8254 i8259*2 ioapic kvm-tpr-opt"
    " mc146818rtc pckbd pcspk port92 ps2kbd ps2mouse vmmouse"
)
_PC_OPTIONS = (
    ("-hpet", "hpet=off"),
    ("-i8254", "pit=off"),
    ("-i8259", "pic=off"),
    ("-pckbd", "i8042=off"),
    ("-acpi_build", "acpi=off"),
)
_VIRT = "0000:00:00.0/gpex_root PCIBUS PCIHost fw_cfg pflash_cfi01*2 virt_acpi_build"


class Board(NamedTuple):
    """What a kind of machine has.

    Attributes:
        machine: regular expression for the whole name of the machine type.
        arch: regular expression for the emulator.
        root_bus: name of its PCI bus.
        sections: its sections; `*2` for two of that name.
        blocks: its RAM blocks beside main memory.
        options: properties of the machine, and the section that is there, or with a minus sign is
            not there, only with it.
    """

    machine: str
    arch: str
    root_bus: str
    sections: str
    blocks: str = ""
    options: tuple[tuple[str, str], ...] = ()


BOARDS = (
    Board(
        r"pc|pc-i440fx-.*",
        "x86_64|i386",
        "pci.0",
        f"{_PC} fdc 0000:00:00.0/I440FX 0000:00:01.0/PIIX3 0000:00:01.0/PIIX4 0000:00:01.1/ide"
        " 0000:00:01.3/piix4_pm",
        f"pc.rom pc.bios isa-bios {_TABLES}",
        (*_PC_OPTIONS, ("0000:00:01.0/PIIX4", "x-south-bridge=piix4-isa")),
    ),
    Board(
        r"q35|pc-q35-.*",
        "x86_64|i386",
        "pcie.0",
        f"{_PC} 0000:00:00.0/mch 0000:00:1f.0/ICH9LPC 0000:00:1f.2/ich9_ahci 0000:00:1f.3/ich9_smb",
        f"pc.rom pc.bios isa-bios {_TABLES}",
        (
            *_PC_OPTIONS,
            ("-0000:00:1f.2/ich9_ahci", "sata=off"),
            ("-0000:00:1f.3/ich9_smb", "smbus=off"),
        ),
    ),
    Board(
        r"isapc",
        "x86_64|i386",
        "",
        "dma*2 fdc fw_cfg i8254 i8259*2 isa-ide*2 mc146818rtc pckbd pcspk port92 ps2kbd ps2mouse"
        " vmmouse kvm-tpr-opt apic ioapic",
        "pc.rom pc.bios isa-bios",
    ),
    Board(
        r"microvm",
        "x86_64|i386",
        "pcie.0",
        "0000:00:00.0/gpex_root PCIBUS PCIHost acpi-ged fw_cfg i8254 i8259*2 ioapic*2 kvm-tpr-opt"
        " mc146818rtc xhci-sysbus",
        f"pc.bios isa-bios {_TABLES}",
        (
            ("0000:00:00.0/gpex_root", "pcie=on"),
            ("xhci-sysbus", "usb=on"),
            ("-acpi-ged", "acpi=off"),
            ("-i8254", "pit=off"),
            ("-i8259", "pic=off"),
        ),
    ),
    Board(
        r"virt(-.*)?",
        "aarch64|arm",
        "pcie.0",
        f"{_VIRT} arm_gic arm_gicv3 arm_gicv3_its smmuv3 gpio-key acpi-ged pl011*2 pl031 pl061*2",
        f"virt.flash0 virt.flash1 virt.secure-ram {_TABLES}",
        (
            ("arm_gicv3", "gic-version=3"),
            ("smmuv3", "iommu=smmuv3"),
            ("-virt_acpi_build", "acpi=off"),
        ),
    ),
    Board(
        r"virt",
        "riscv64|riscv32",
        "pcie.0",
        f"{_VIRT} goldfish_rtc riscv_mtimer*64 riscv_sifive_plic*64 serial",
        f"virt.flash0 virt.flash1 riscv_virt_board.mrom {_TABLES}",
        (("-virt_acpi_build", "acpi=off"),),
    ),
    Board(
        r"virt(-.*)?",
        "loongarch64",
        "pcie.0",
        "0000:00:00.0/gpex_root PCIBUS PCIHost acpi-ged acpi_build fw_cfg loongarch.extioi"
        " loongarch_pch_pic loongson_ipi ls7a_rtc pflash_cfi01*2 serial*4",
        f"virt.flash0 virt.flash1 {_TABLES}",
    ),
    Board(
        r"virt(-.*)?",
        "m68k",
        "",
        "goldfish_pic*6 goldfish_rtc*2 goldfish_tty m68k-irqc virt-ctrl",
    ),
    Board(
        r"s390-ccw-virtio(-.*)?",
        "s390x",
        "pci.0",
        "PCIBUS PCIHost ipl qemu-s390-flic s390_control_program_id s390-skeys"
        " s390-storage_attributes s390_css sclpquiesce"
        " todclock vmstate-event-facility",
    ),
    Board(r"none", ".*", "", ""),
)
_UNKNOWN = Board("", "", "pci.0", "")


class MeasuredBoard(NamedTuple):
    """A row of the measured table: the emulators, the name of main memory or None, the board."""

    arches: tuple[str, ...]
    ram_id: str | None
    board: Board


def board_of(machine: str | None, arch: str | None) -> Board | None:
    """The board of a machine type; None if it is in none of the tables."""
    for board in BOARDS:
        if re.fullmatch(board.machine, machine or "") and re.fullmatch(board.arch, arch or ""):
            return board
    return next((row.board for row in measured(machine) if arch in row.arches), None)


def measured(machine: str | None) -> list[MeasuredBoard]:
    """The rows for a machine type, one for each emulator where it differs."""
    return _measured().get(machine or "", [])


@cache
def _measured() -> dict[str, list[MeasuredBoard]]:
    """The rows by machine type; continued lines of a row begin with a space."""
    found: dict[str, list[MeasuredBoard]] = {}
    for text in re.split(r"\n(?! )", TABLE.strip("\n")) if TABLE.strip() else ():
        head, *lines = text.split("\n")
        machine, arches, ram_id = head.split()
        sections, blocks = (
            " ".join(line[3:] for line in lines if line.startswith(mark)) for mark in (" s ", " b ")
        )
        pattern = "|".join(map(re.escape, arches.split(",")))
        board = Board(re.escape(machine), pattern, "pci.0", sections, blocks)
        # Each emulator of 32 bits has the shorter name, and suffices for a machine that it has.
        emulators = tuple(sorted(arches.split(","), key=len))
        row = MeasuredBoard(emulators, None if ram_id == "-" else ram_id, board)
        found.setdefault(machine, []).append(row)
    return found


def root_bus_of(board: Board | None) -> str:
    """Name of the PCI bus of a machine."""
    return (board or _UNKNOWN).root_bus or _UNKNOWN.root_bus


def properties_of(board: Board, remaining: Remaining, *, whole: bool) -> Iterator[str]:
    """The properties of the machine that follow from the sections that it has, or lacks.

    Args:
        board: the machine.
        remaining: the items of the file.
        whole: whether all sections are known, so that it means something if one is absent.
    """
    present = {item.idstr for item in remaining if item.kind == "section"}
    for condition, option in board.options:
        name = condition.removeprefix("-")
        is_absent = condition.startswith("-")
        if (name in present) != is_absent and (whole or not is_absent):
            yield option
    if whole and "arm_gicv3" in present and "arm_gicv3_its" not in present:
        yield "its=off"


def own_items(board: Board | None, remaining: Remaining) -> tuple[Item, ...]:
    """Take the items that the machine itself has."""
    numbers = _numbers(_ALWAYS) + (_numbers(board.sections) if board else Counter())
    blocks = set(board.blocks.split()) if board else set()
    taken = [
        item for idstr, number in numbers.items() for item in remaining.sections(idstr)[:number]
    ]
    taken += [item for item in remaining if item.kind == "block" and item.idstr in blocks]
    return remaining.take_these(taken)


def _numbers(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for word in text.split():
        name, _, number = word.partition("*")
        found[name] += int(number or 1)
    return found
