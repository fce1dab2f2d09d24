"""Addresses of devices, as they precede the names of sections.

Source: QEMU hw/pci/pci.c, pcibus_get_dev_path(); hw/usb/bus.c, usb_get_dev_path();
hw/scsi/scsi-bus.c, scsibus_get_dev_path(); hw/virtio/virtio-mmio.c, virtio_mmio_bus_get_dev_path();
hw/s390x/ccw-device.c.
"""

import re
from typing import NamedTuple

_PLACE = re.compile(
    r"(?:(?P<pci>[0-9a-f]{4}:[0-9a-f]{2}(?::[0-9a-f]{2}\.[0-7])+)"
    r"|virtio-mmio@(?P<mmio>[0-9a-f]{16})|(?P<ccw>[0-9a-f]{1,2}\.[0-3]\.[0-9a-f]{4}))"
    r"(?:/(?P<port>\d+(?:\.\d+)*))?(?:/(?P<scsi>\d+:\d+:\d+))?"
)
#: Root bus of a machine; others belong to expander bridges.
ROOT = "0000:00"


class BusPlace(NamedTuple):
    """The address of a device.

    Attributes:
        path: the whole address.
        controller: address of the controller that it hangs on; empty for one on a main bus.
        bus: kind of bus: `pci`, `mmio`, `ccw`, `usb` or `scsi`.
        own: its address on that bus.
    """

    path: str
    controller: str
    bus: str
    own: str

    @property
    def root(self) -> str:
        """The PCI root bus, such as `0000:00`; empty on other buses."""
        return self.path[: len(ROOT)] if self.path[4:5] == ":" else ""

    @property
    def slot(self) -> str:
        """The PCI address without the function."""
        return self.path[:-2]

    @property
    def id(self) -> str:
        """An id for the device."""
        return "at-" + re.sub(r"[:/@]", "-", self.path.removeprefix("0000:"))


def place_of(path: str) -> BusPlace | None:
    """The address; None if it is not one of a known bus."""
    found = _PLACE.fullmatch(path)
    if found is None:
        return None
    for bus in ("scsi", "port"):
        if found[bus]:
            rest = path[: -len(found[bus]) - 1]
            return BusPlace(
                path, rest if bus == "scsi" else _before_port(path), _BUS[bus], found[bus]
            )
    if found["pci"]:
        before, _, own = path.rpartition(":")
        return BusPlace(path, before if before != path[: len(ROOT)] else "", "pci", own)
    bus = "mmio" if found["mmio"] else "ccw"
    return BusPlace(path, "", bus, found[bus])


_BUS = {"scsi": "scsi", "port": "usb"}


def _before_port(path: str) -> str:
    return path.rpartition("/")[0]
