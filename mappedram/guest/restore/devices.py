"""Which devices a stream has state of that nobody gets without asking for them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.format.constants import SectionType
from mappedram.stream.model import Stream

#: Names under which devices on a bus save their state, and the device that mostly is behind them.
#: None where the machine brings the device with it.
#: Source: the VMStateDescription of each in QEMU hw/; built-in ones as measured with 10.0.2.
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
    # Asked for with -device, or by QEMU's defaults.
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
#: Devices that are not on a bus with addresses, and the option that asks for them.
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
#: State that a device saves besides its own.
_BESIDE = re.compile(r".*-early|.*/vmstate")


@dataclass(frozen=True, slots=True)
class Device:
    """A device that has to be asked for.

    Attributes:
        idstr: what its state is called in the stream.
        address: where it is plugged in; empty where it has no address.
        option: the device or option that mostly is behind it; None where it is not known.
    """

    idstr: str
    address: str
    option: str | None


def devices_of(stream: Stream, arch: str | None) -> tuple[Device, ...]:
    """The devices that the command line has to ask for, in the order of the file."""
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
