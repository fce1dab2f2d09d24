"""The guests to save: one for each device that an emulator offers for a machine, and others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.devices.needs import arguments

#: Buses of devices that belong to boards, and CPUs.
_OF_BOARDS = frozenset(("SSI", "fsi.bus", "fsi.lbus", "opb", "aux-bus"))
_CPU = re.compile(r".*-cpu")
_LINE = re.compile(r'name "(?P<name>[^"]*)"(?:, bus (?P<bus>[^,\n]+))?')


class Board(NamedTuple):
    """A machine: name in the results, emulator, `-machine` and further options."""

    name: str
    arch: str
    machine: str
    options: str = "-m 16M"


BOARDS = (
    Board("pc", "x86_64", "pc"),
    Board("q35", "x86_64", "q35"),
    Board("virt", "aarch64", "virt", "-m 16M -cpu cortex-a57"),
    Board("microvm", "x86_64", "microvm"),
)
#: Devices of which microvm has what the others lack.
_MICROVM = ("virtio-bus",)

_LIBVIRT = (
    " -device pcie-root-port,port=16,chassis=1,id=pci.1,bus=pcie.0,multifunction=on,addr=0x2"
    " -device pcie-root-port,port=17,chassis=2,id=pci.2,bus=pcie.0,addr=0x2.0x1"
    " -device pcie-root-port,port=18,chassis=3,id=pci.3,bus=pcie.0,addr=0x2.0x2"
    " -device pcie-root-port,port=19,chassis=4,id=pci.4,bus=pcie.0,addr=0x2.0x3"
    " -device qemu-xhci,p2=15,p3=15,id=usb,bus=pci.2,addr=0x0"
    " -device virtio-serial-pci,id=vs,bus=pci.3,addr=0x0"
    " -chardev null,id=c0 -chardev null,id=c1"
    " -device virtserialport,bus=vs.0,nr=1,chardev=c0,name=org.qemu.guest_agent.0"
    " -device virtserialport,bus=vs.0,nr=2,chardev=c1,name=com.redhat.spice.0"
    " -device usb-tablet,bus=usb.0,port=1 -device virtio-net-pci,bus=pci.1,addr=0x0"
    " -blockdev null-co,node-name=d0,size=67108864,read-zeroes=on"
    " -device virtio-blk-pci,drive=d0,bus=pci.4,addr=0x0,num-queues=3"
    " -device virtio-balloon-pci,bus=pcie.0,addr=0x5,free-page-reporting=on"
    " -device virtio-rng-pci,bus=pcie.0,addr=0x6"
)
#: Guests with several devices, by name: what a desktop, a server, and libvirt make.
COMBINED: dict[str, tuple[str, str, str]] = {
    "defaults-pc": (
        "pc",
        "",
        "-device VGA -netdev user,id=n0 -device e1000,netdev=n0 -chardev null,id=c0"
        " -device isa-serial,chardev=c0 -chardev null,id=c1 -device isa-serial,chardev=c1"
        " -chardev null,id=c2 -device isa-parallel,chardev=c2",
    ),
    "libvirt-q35": ("q35", "", _LIBVIRT),
    "libvirt-virt": ("virt", ",gic-version=3", _LIBVIRT),
    "usb-companions": (
        "pc",
        "",
        "-device ich9-usb-ehci1,id=e,addr=1d.7,multifunction=on"
        " -device ich9-usb-uhci1,masterbus=e.0,firstport=0,addr=1d.0,multifunction=on"
        " -device ich9-usb-uhci2,masterbus=e.0,firstport=2,addr=1d.1,multifunction=on"
        " -device ich9-usb-uhci3,masterbus=e.0,firstport=4,addr=1d.2,multifunction=on"
        " -device usb-hub,bus=e.0,port=1 -device usb-tablet,bus=e.0,port=1.2"
        " -device usb-kbd,bus=e.0,port=2",
    ),
    "two-scsi": (
        "pc",
        "",
        "-device virtio-scsi-pci,id=a,num_queues=2 -device lsi53c895a,id=b"
        " -blockdev null-co,node-name=d0,size=67108864 -device scsi-hd,bus=a.0,drive=d0,scsi-id=3"
        " -blockdev null-co,node-name=d1,size=67108864 -device scsi-cd,bus=a.0,drive=d1,lun=2"
        " -blockdev null-co,node-name=d2,size=67108864 -device scsi-hd,bus=b.0,drive=d2,scsi-id=1",
    ),
    "bridges": (
        "q35",
        "",
        "-device pcie-pci-bridge,id=a,addr=5 -device pci-bridge,id=b,bus=a,chassis_nr=7,addr=3"
        " -device e1000,bus=b,addr=4 -device virtio-net-pci,bus=a,addr=1,disable-legacy=on",
    ),
    "expanders": (
        "q35",
        "",
        "-device pxb-pcie,id=x,bus_nr=64,addr=8 -device pcie-root-port,id=r,bus=x,chassis=5,slot=9"
        " -device virtio-blk-pci,drive=d0,bus=r -blockdev null-co,node-name=d0,size=67108864",
    ),
    "expander-pc": ("pc", "", "-device pxb,id=x,bus_nr=32 -device e1000,bus=x,addr=1"),
    "topology": ("pc", "", "-smp 6,sockets=2,cores=3,threads=1"),
    "smp": (
        "q35",
        "",
        "-smp 4 -blockdev null-co,node-name=d0,size=67108864"
        " -device virtio-blk-pci,drive=d0 -device virtio-scsi-pci",
    ),
    "numa": (
        "pc",
        "",
        "-m 48M -object memory-backend-ram,id=ram-node0,size=16M"
        " -object memory-backend-ram,id=ram-node1,size=32M"
        " -numa node,memdev=ram-node0 -numa node,memdev=ram-node1",
    ),
    "dimms": (
        "q35",
        "",
        "-m 16M,slots=4,maxmem=256M -object memory-backend-ram,id=b,size=64M"
        " -device pc-dimm,memdev=b"
        " -object memory-backend-ram,id=a,size=32M -device pc-dimm,memdev=a",
    ),
    "without": ("q35", ",hpet=off,i8042=off,pit=off,sata=off,smbus=off", ""),
    "no-acpi": ("pc", ",acpi=off", ""),
    "piix4": ("pc", ",x-south-bridge=piix4-isa", ""),
    "no-roms": ("pc", "", "-device virtio-net-pci,romfile= -device e1000,romfile="),
    "virtio-options": (
        "pc",
        "",
        "-device virtio-net-pci,vectors=10,host_mtu=1400,ctrl_vq=off,rx_queue_size=1024"
        " -device virtio-rng-pci,disable-legacy=on"
        " -device virtio-balloon-pci,disable-modern=on -device virtio-serial-pci,max_ports=4"
        " -device virtio-gpu-pci,max_outputs=3"
        " -device nec-usb-xhci,p2=6,p3=6,slots=8,intrs=4,msi=off",
    ),
    "displays": ("pc", "", "-device VGA,vgamem_mb=64 -device bochs-display,vgamem=32M"),
    "network-user": (
        "pc",
        "",
        "-netdev user,id=a -device virtio-net-pci,netdev=a -netdev user,id=b"
        " -device e1000,netdev=b",
    ),
    "secure": ("virt", ",secure=on,virtualization=on", ""),
    "smmu": ("virt", ",iommu=smmuv3,gic-version=3,its=off", ""),
    "no-acpi-virt": ("virt", ",acpi=off", ""),
    "mmio": (
        "virt",
        "",
        "-device virtio-net-device -device virtio-rng-device"
        " -device virtio-serial-device,id=s -chardev null,id=c"
        " -device virtconsole,bus=s.0,chardev=c",
    ),
    "microvm-pcie": ("microvm", ",pcie=on", "-device virtio-net-pci -device virtio-net-device"),
}


class Case(NamedTuple):
    """One guest: its name in the results, the emulator, its arguments, and the device on trial."""

    name: str
    arch: str
    args: str
    device: str


def offered(binary: Path, machine: str) -> Iterator[tuple[str, str | None]]:
    """The devices that an emulator offers for a machine, with their buses."""
    listed = subprocess.run(
        [binary, "-machine", machine, "-device", "help"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    for line in listed.stdout.splitlines():
        found = _LINE.match(line)
        if found and not _CPU.fullmatch(found["name"]) and found["bus"] not in _OF_BOARDS:
            yield found["name"], found["bus"]


def cases(board: Board, binary: Path) -> Iterator[Case]:
    """The guests of one machine."""
    yield Case(board.name, board.arch, f"-M {board.machine} {board.options}", "")
    for device, bus in offered(binary, board.machine):
        if board.name == "microvm" and bus not in _MICROVM:
            continue
        properties, options = arguments(device, bus, board.name)
        args = f"-M {board.machine}{properties} {board.options} {options}"
        yield Case(f"{board.name}/{device}", board.arch, args, device)
    for name, (machine, properties, options) in COMBINED.items():
        if machine == board.name:
            args = f"-M {board.machine}{properties} {board.options} {options}"
            yield Case(f"{board.name}/+{name}", board.arch, args, "")
