"""Memory in the SRAT, an ACPI table that QEMU makes for the guest's firmware.

The tables are in a block of their own, which no guest can write to. QEMU makes an SRAT if there are
NUMA nodes, or if memory can be plugged in (`-m slots=,maxmem=`).

Source: QEMU hw/i386/acpi-build.c, build_srat(); hw/arm/virt-acpi-build.c; ACPI 6.5, 5.2.16.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct, unpack_from
from typing import TYPE_CHECKING

from mappedram.errors import MappedRamError
from mappedram.guest.physical.rules import KIB, MIB

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

TABLES = "/rom@etc/acpi/tables"
#: QEMU pads the tables to 128 KiB, and warns above 2 MiB.
_TABLES_MAX = 16 * MIB
_HEADER_LENGTH = 36
_SRAT_LENGTH = 48
#: Type and length of an entry.
_ENTRY_HEAD = 2
_MEMORY_AFFINITY = 1
#: proximity_domain, reserved, base, length, reserved, flags, after type and length.
_AFFINITY = Struct("<2xIHQQIIQ")
_ENABLED, _HOTPLUGGABLE, _NON_VOLATILE = 1, 2, 4
#: The SRAT of a PC leaves out the addresses from here to 1 MiB.
_HOLE = (640 * KIB, MIB)


@dataclass(frozen=True, slots=True)
class Node:
    """Memory of one NUMA node at consecutive addresses."""

    domain: int
    gpa: int
    size: int

    @property
    def end(self) -> int:
        """First address after it."""
        return self.gpa + self.size


@dataclass(frozen=True, slots=True)
class Srat:
    """Contents of an SRAT.

    Attributes:
        memory: main memory, ascending.
        hotplug: addresses where memory can be plugged in: first address and size.
        persistent: the same of each NVDIMM that the guest was started with.
    """

    memory: tuple[Node, ...]
    hotplug: tuple[tuple[int, int], ...]
    persistent: tuple[tuple[int, int], ...] = ()

    @property
    def total(self) -> int:
        """Bytes of main memory."""
        return sum(piece.size for piece in self.memory)

    @property
    def node_sizes(self) -> list[int]:
        """Bytes of each node, in the order of their addresses."""
        sizes: dict[int, int] = {}
        for piece in self.memory:
            sizes[piece.domain] = sizes.get(piece.domain, 0) + piece.size
        return list(sizes.values())

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Addresses and sizes of main memory, whatever the node."""
        found: list[tuple[int, int]] = []
        for piece in self.memory:
            if found and sum(found[-1]) == piece.gpa:
                found[-1] = (found[-1][0], found[-1][1] + piece.size)
            else:
                found.append((piece.gpa, piece.size))
        return found


def has_tables(snapshot: "OpenSnapshot") -> bool:
    """Whether the file has the ACPI tables; then a missing SRAT means something."""
    return _tables(snapshot) is not None


def srat_of(snapshot: "OpenSnapshot") -> Srat | None:
    """The SRAT of a snapshot; None if it is missing or malformed."""
    data = _tables(snapshot)
    found = _table(data, b"SRAT") if data else None
    if found is None:
        return None
    entries = list(_entries(found))
    memory = [Node(domain, gpa, size) for domain, gpa, size, flags in entries if flags == _ENABLED]
    hotplug = tuple(
        (gpa, size)
        for _, gpa, size, flags in entries
        if flags & _HOTPLUGGABLE and not flags & _NON_VOLATILE
    )
    persistent = tuple((gpa, size) for _, gpa, size, flags in entries if flags & _NON_VOLATILE)
    memory.sort(key=lambda node: node.gpa)
    joined = _joined(memory)
    overlaps = any(one.end > other.gpa for one, other in pairwise(joined))
    return None if overlaps or not joined else Srat(tuple(joined), hotplug, persistent)


def _tables(snapshot: "OpenSnapshot") -> bytes | None:
    block = snapshot.block.get(TABLES)
    if block is None:
        return None
    try:
        return block.read(0, min(block.used_length, _TABLES_MAX))
    except MappedRamError:
        return None


def _table(data: bytes, signature: bytes) -> bytes | None:
    """The table with that signature, if its length and its checksum are right."""
    start = data.find(signature)
    while start >= 0:
        length = int.from_bytes(data[start + 4 : start + 8], "little")
        table = data[start : start + length]
        # QEMU leaves the checksum to the firmware, so that the stored one is 0.
        if _HEADER_LENGTH <= length == len(table) and table[8] and len(table) > _SRAT_LENGTH:
            return table
        start = data.find(signature, start + 1)
    return None


def _entries(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Domain, address, size and flags of each memory entry."""
    at = _SRAT_LENGTH
    while at + _ENTRY_HEAD <= len(table):
        kind, length = table[at], table[at + 1]
        if length < _ENTRY_HEAD:
            return
        if kind == _MEMORY_AFFINITY and at + _AFFINITY.size <= len(table):
            domain, _, gpa, size, _, flags, _ = unpack_from(_AFFINITY.format, table, at)
            if size:
                yield domain, gpa, size, flags
        at += length


def _joined(memory: list[Node]) -> list[Node]:
    """Join adjacent pieces of a node; the hole of a PC counts as memory."""
    found: list[Node] = []
    for node in memory:
        last = found[-1] if found else None
        follows = last is not None and (last.end == node.gpa or (last.end, node.gpa) == _HOLE)
        if last is not None and follows and last.domain == node.domain:
            found[-1] = Node(last.domain, last.gpa, node.end - last.gpa)
        else:
            found.append(node)
    return found
