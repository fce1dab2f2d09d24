"""Detect mapped-ram in a stream by the entry of its first block.

QEMU does not look: the user must switch the capability on or off to suit the file.
"""

from dataclasses import replace
from enum import Enum

from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    MAPPED_RAM_HDR_VERSION,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SECTION_IDSTR,
    RAM_SECTION_VERSION,
)
from mappedram.io.source import Source
from mappedram.qemu.loader.destination import Destination

#: START of RAM without its section_id: name, instance and version.
_START = (
    bytes([len(RAM_SECTION_IDSTR)])
    + RAM_SECTION_IDSTR.encode()
    + bytes(4)
    + RAM_SECTION_VERSION.to_bytes(4, "big")
)
#: The capability in the list of the configuration section.
_ANNOUNCED = bytes([len(CAPABILITY_MAPPED_RAM)]) + CAPABILITY_MAPPED_RAM.encode()
#: Bytes of the stream to search; only little comes before RAM.
_LOOKED_THROUGH = 1 << 20
#: Flag bits below the smallest page size.
_FLAGS_MASK = 0xFF


class StreamKind(Enum):
    """Where a stream has its pages."""

    MAPPED = "at fixed places"
    PLAIN = "in records"
    UNKNOWN = "it says mapped-ram, but has no header of a block where one should be"


def kind_of(source: Source, offset: int) -> StreamKind:
    """Kind of the stream that begins at `offset`."""
    data = source.read(offset, _LOOKED_THROUGH)
    start = data.find(_START)
    if start >= 0 and _is_header(data, start + len(_START)):
        return StreamKind.MAPPED
    return (
        StreamKind.UNKNOWN if _ANNOUNCED in data[: max(start, 0) or len(data)] else StreamKind.PLAIN
    )


def _is_header(data: bytes, start: int) -> bool:
    """Whether a list of blocks begins here whose first entry has a mapped-ram header."""
    word = int.from_bytes(data[start : start + 8], "big")
    name = start + 8
    head = name + 1 + int.from_bytes(data[name : name + 1], "big") + 8
    version, page_size = (
        int.from_bytes(data[first:last], "big")
        for first, last in ((head, head + 4), (head + 4, head + 12))
    )
    return (
        word & _FLAGS_MASK == RAM_SAVE_FLAG_MEM_SIZE
        and len(data) >= head + 12
        and version <= MAPPED_RAM_HDR_VERSION
        and is_page_size(page_size)
    )


def fitted(destination: Destination, source: Source, offset: int) -> Destination:
    """The same destination with mapped-ram on or off, as a stream needs it."""
    if destination.capabilities is None:
        return destination
    kind = kind_of(source, offset)
    if kind is StreamKind.UNKNOWN:
        return destination
    others = destination.capabilities - {CAPABILITY_MAPPED_RAM}
    mapped = {CAPABILITY_MAPPED_RAM} if kind is StreamKind.MAPPED else set()
    return replace(destination, capabilities=others | mapped)
