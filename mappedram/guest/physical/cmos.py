"""Memory size in the CMOS memory of a PC. The guest can write to it.

Source: QEMU hw/i386/pc.c, pc_cmos_init_late(); hw/rtc/mc146818rtc.c, vmstate_rtc.
"""

from typing import TYPE_CHECKING

from mappedram.guest.physical.payload import beginning, devices, is_left_out
from mappedram.guest.physical.rules import ABOVE_4G, GIB, KIB, MIB

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

_SECTION = "mc146818rtc"
_SIZE = 128
_UNIT = 64 * KIB
#: Range of the three-byte counter of memory above 4 GiB.
_ABOVE_MODULUS = 1024 * GIB


def cmos_of(snapshot: "OpenSnapshot") -> bytes | None:
    """The CMOS memory, which is the first field of its section; None if absent.

    It is also None if a metadump left out part of it; see `is_cmos_left_out`.
    """
    for section in devices(snapshot):
        if section.idstr == _SECTION:
            return beginning(snapshot, section, _SIZE)
    return None


def is_cmos_left_out(snapshot: "OpenSnapshot") -> bool:
    """Whether the guest had CMOS memory that a metadump left out."""
    section = next((one for one in devices(snapshot) if one.idstr == _SECTION), None)
    return section is not None and is_left_out(snapshot, section, _SIZE)


def below_4g(cmos: bytes, total: int) -> int | None:
    """Bytes of main memory below 4 GiB; None if the CMOS contradicts `total`."""
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
    """Size of main memory in bytes; the part above 4 GiB is modulo 1 TiB."""
    units = int.from_bytes(cmos[0x34:0x36], "little")
    below = (
        16 * MIB + units * _UNIT if units else MIB + int.from_bytes(cmos[0x30:0x32], "little") * KIB
    )
    return below + int.from_bytes(cmos[0x5B:0x5E], "little") * _UNIT
