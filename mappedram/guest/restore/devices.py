"""Devices with state in a stream that exist only if an option asks for them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.format.constants import SectionType
from mappedram.stream.model import Stream

#: Section names of devices on a bus, and the device that usually writes them. None for devices that
#: are part of the machine. Source: the VMStateDescription of each in QEMU hw/; built-in ones as
#: measured with 10.0.2.
_KNOWN: dict[str, str | None] = {
    # Built into pc, q35 and virt.
    "I440FX": None,
    "PIIX3": None,
    "ide": None,
    "piix4_pm": None,
    "mch": None,
    "ICH9LPC": None,
    "ich9_ahci": None,
    "ich9_smb": None,
    "gpex_root": None,
    # Added by -device, or by QEMU's defaults.
    "virtio-net": "virtio-net-pci",
    "virtio-blk": "virtio-blk-pci",
    "virtio-scsi": "virtio-scsi-pci",
    "virtio-console": "virtio-serial-pci",
    "virtio-balloon": "virtio-balloon-pci",
    "virtio-rng": "virtio-rng-pci",
    "virtio-gpu": "virtio-gpu-pci",
    "virtio-mem": "virtio-mem-pci",
    "virtio-9p": "virtio-9p-pci",
    "virtio-iommu": "virtio-iommu-pci",
    "vhost-vsock": "vhost-vsock-pci",
    "vga": "VGA",
    "cirrus_vga": "cirrus-vga",
    "qxl": "qxl",
    "vmware_vga": "vmware-svga",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
    "lsiscsi": "lsi53c895a",
    "xhci": "qemu-xhci",
    "usb-ehci": "usb-ehci",
    "uhci": "piix3-usb-uhci",
    "usb-ptr": "usb-tablet",
    "usb-kbd": "usb-kbd",
    "intel-hda": "intel-hda",
    "pcie-root-port": "pcie-root-port",
    "rp_ports": "pcie-root-port",
    "i6300esb_wdt": "i6300esb",
}
#: Devices on buses without addresses, and the option that adds them.
_LOOSE = {
    "vmcoreinfo": "-device vmcoreinfo",
    "vmgenid": "-device vmgenid",
    "serial": "-serial (isa-serial)",
    "parallel_isa": "-parallel",
    "virtio-net": "-device virtio-net-device",
    "virtio-blk": "-device virtio-blk-device",
    "kvmclock": "-accel kvm",
}
_PCI = re.compile(r"(?P<address>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7].*)/(?P<name>[^/]+)")
#: Additional sections of a device.
_BESIDE = re.compile(r".*-early|.*/vmstate")


@dataclass(frozen=True, slots=True)
class Device:
    """A device that needs an option.

    Attributes:
        idstr: name of its state in the stream.
        address: its address on a bus; empty if it has none.
        option: the device or option that usually creates it; None if unknown.
    """

    idstr: str
    address: str
    option: str | None


def devices_of(stream: Stream, arch: str | None) -> tuple[Device, ...]:
    """Devices that the command line has to add, in the order of the file."""
    names = [
        section.idstr
        for section in stream.sections
        if section.type == SectionType.FULL and section.idstr
    ]
    return tuple(_devices(dict.fromkeys(names), arch))


def _devices(names: dict[str, None], arch: str | None) -> Iterator[Device]:
    for idstr in names:
        found = _PCI.fullmatch(idstr)
        if found and not _BESIDE.fullmatch(idstr):
            name = found["name"]
            if _KNOWN.get(name, name) is not None:
                option = _KNOWN.get(name)
                yield Device(idstr, found["address"], option and f"-device {option}")
        elif idstr in _LOOSE and (idstr != "serial" or arch == "x86_64"):
            yield Device(idstr, "", _LOOSE[idstr])
