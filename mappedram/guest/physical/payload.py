"""The first bytes of a device's state, where all versions of QEMU have the same layout.

Reading them needs neither the JSON text nor the state of other devices.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.format.constants import SectionType
from mappedram.io.spans import without

if TYPE_CHECKING:
    from mappedram.stream.model import Section
    from mappedram.stream.snapshot import OpenSnapshot

_PCI = re.compile(r"(?:.*/)?[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/(?P<name>[^/]+)")
#: Version at the start of a PCI device, alone or within virtio state, as `be32`; the configuration
#: space follows. Source: QEMU hw/pci/pci.c, vmstate_pci_device.
_PCI_VERSION = 2
_CONFIG_SIZE = 256


def devices(snapshot: "OpenSnapshot") -> "Iterator[Section]":
    """The sections with the whole state of a device."""
    for section in snapshot.sections:
        if section.type == SectionType.FULL:
            yield section


def beginning(snapshot: "OpenSnapshot", section: "Section", size: int) -> bytes | None:
    """The first `size` bytes of a payload, changes included; None if it is shorter.

    It is also None if a metadump left out some of them; see `is_left_out`.
    """
    if section.payload_length < size or is_left_out(snapshot, section, size):
        return None
    data = snapshot.source.peek(section.payload_offset, size)
    return snapshot.changes.over(data, section.payload_offset) if len(data) == size else None


def is_left_out(snapshot: "OpenSnapshot", section: "Section", size: int) -> bool:
    """Whether a metadump left out any of the first `size` bytes of a payload."""
    start = section.payload_offset
    left_out = snapshot.source.left_out(start, start + min(size, section.payload_length))
    return any(without(left_out, snapshot.changes.spans()))


def pci_configs(snapshot: "OpenSnapshot") -> Iterator[tuple[str, bytes | None]]:
    """Name of each PCI device, without its address, and its configuration space.

    The configuration space is None if a metadump left it out.
    """
    for section in devices(snapshot):
        match = _PCI.fullmatch(section.idstr or "")
        if match and is_left_out(snapshot, section, 4 + _CONFIG_SIZE):
            yield match["name"], None
            continue
        data = beginning(snapshot, section, 4 + _CONFIG_SIZE) if match else None
        if match and data and int.from_bytes(data[:4], "big") == _PCI_VERSION:
            yield match["name"], data[4:]
