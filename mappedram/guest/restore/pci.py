"""The configuration space of a PCI device: what it tells about the options of the device.

QEMU compares most bytes of it with those of the device that loads it, and refuses the file if they
differ. Source: QEMU hw/pci/pci.c, get_pci_config_device().
"""

from collections.abc import Iterator
from dataclasses import dataclass

#: Offsets and values in the configuration space. Source: PCI Local Bus Specification 3.0, 6.1;
#: PCI Express Base Specification 4.0, 7.5.
_HEADER_TYPE, _CAPABILITIES = 0x0E, 0x34
_MULTIFUNCTION = 0x80
SLOT_ID, MSI, VENDOR, SHPC, EXPRESS, MSIX = 0x04, 0x05, 0x09, 0x0C, 0x10, 0x11
#: Size of the configuration space, and of that of an Express device, in bytes.
SIZE, EXPRESS_SIZE = 256, 4096
_LINK_CAPABILITIES, _SLOT_CAPABILITIES = 0x0C, 0x14
_CAPABILITIES_MAX = 48
_VECTORS_MASK = 0x7FF


@dataclass(frozen=True, slots=True)
class PciConfig:
    """The first 256 bytes of a configuration space."""

    data: bytes

    @property
    def ids(self) -> tuple[int, int]:
        """Vendor and device."""
        return self._number(0, 2), self._number(2, 2)

    @property
    def class_code(self) -> int:
        """Base class and subclass, such as 0x0300 for VGA."""
        return self._number(0x0A, 2)

    @property
    def multifunction(self) -> bool:
        """Whether the device says that its slot has several functions."""
        return bool(self.data[_HEADER_TYPE] & _MULTIFUNCTION)

    def capability(self, wanted: int) -> int | None:
        """Offset of a capability; None if the device has none of that kind."""
        return next((at for kind, at in self._capabilities() if kind == wanted), None)

    @property
    def vectors(self) -> int:
        """Number of MSI-X vectors."""
        at = self.capability(MSIX)
        return 0 if at is None else (self._number(at + 2, 2) & _VECTORS_MASK) + 1

    @property
    def is_express(self) -> bool:
        """Whether it has the capability of a PCI Express device."""
        return self.capability(EXPRESS) is not None

    @property
    def port(self) -> int:
        """Number of an Express port."""
        return self._express(_LINK_CAPABILITIES) >> 24

    @property
    def slot(self) -> int:
        """Number of the slot behind an Express port."""
        return self._express(_SLOT_CAPABILITIES) >> 19

    @property
    def chassis(self) -> int | None:
        """Number of the chassis of a bridge, if the device tells it."""
        at = self.capability(SLOT_ID)
        return None if at is None else self.data[at + 3]

    def _express(self, offset: int) -> int:
        at = self.capability(EXPRESS)
        return 0 if at is None else self._number(at + offset, 4)

    def _number(self, offset: int, size: int) -> int:
        return int.from_bytes(self.data[offset : offset + size], "little")

    def _capabilities(self) -> Iterator[tuple[int, int]]:
        """Kind and offset of each; a list that a guest made endless ends."""
        at = self.data[_CAPABILITIES] & ~3
        for _ in range(_CAPABILITIES_MAX):
            if not at or at + 4 > len(self.data):
                return
            yield self.data[at], at
            at = self.data[at + 1] & ~3
