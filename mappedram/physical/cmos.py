"""What the CMOS memory of a PC says of its size. A guest can write to it.

Source: QEMU hw/i386/pc.c, pc_cmos_init(); hw/rtc/mc146818rtc.c, vmstate_rtc.
"""

from typing import TYPE_CHECKING

from mappedram.layout.constants import SectionType
from mappedram.physical.rules import ABOVE_4G, GIB, KIB, MIB

if TYPE_CHECKING:
    from mappedram.snapshot import Snapshot

SECTION = "mc146818rtc"
_FIELD = "cmos_data"
_SIZE = 128
_UNIT = 64 * KIB
#: What the three bytes for memory above 4 GiB can count.
_ABOVE_MODULUS = 1024 * GIB


def cmos_of(snapshot: "Snapshot") -> bytes | None:
    """The bytes of the CMOS memory; None where the file has none."""
    if SECTION in snapshot.state:
        value = snapshot.state[SECTION].get(_FIELD)
        if isinstance(value, bytes) and len(value) == _SIZE:
            return value
    # Without the JSON text: it has been the first field in all versions.
    for section in snapshot.sections:
        if section.type == SectionType.FULL and section.idstr == SECTION:
            data = snapshot.source.read(section.payload_offset, _SIZE)
            return data if len(data) == _SIZE <= section.payload_length else None
    return None


def below_4g(cmos: bytes, total: int) -> int | None:
    """How much of `total` bytes lies below 4 GiB; None if the bytes do not add up to that."""
    units = int.from_bytes(cmos[0x34:0x36], "little")
    above = int.from_bytes(cmos[0x5B:0x5E], "little")
    if units:
        told, unit = 16 * MIB + units * _UNIT, _UNIT
    else:
        told, unit = MIB + int.from_bytes(cmos[0x30:0x32], "little") * KIB, KIB
    if told > min(total, ABOVE_4G):
        return None
    if not above and total - told < unit:
        return total
    counted = (total - told) % _ABOVE_MODULUS // _UNIT
    return told if above == counted and total > told else None


def total_of(cmos: bytes) -> int:
    """The size of main memory, as far as it is counted: above 4 GiB, modulo 1 TiB."""
    units = int.from_bytes(cmos[0x34:0x36], "little")
    below = (
        16 * MIB + units * _UNIT if units else MIB + int.from_bytes(cmos[0x30:0x32], "little") * KIB
    )
    return below + int.from_bytes(cmos[0x5B:0x5E], "little") * _UNIT
