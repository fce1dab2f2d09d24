"""Program for s390x."""

from __future__ import annotations

import struct

from ..firmware import elf
from .encoding import distinct, placed

_BASE, _DATA = 0x10000, 0x800
#: Offsets in the data, at most 4095.
_CONTROL, _ACCESS, _LOW, _HIGH, _GENERAL = 0, 0x80, 0xC0, 0x1C0, 0x2C0
_FPC, _PREFIX, _COMPARATOR, _TIMER = 0x340, 0x344, 0x348, 0x350


def s390x() -> bytes:
    """An ELF for `-bios`: one CPU runs it, and stays in a loop; the others are stopped."""
    code = bytes.fromhex(
        f"c010{_DATA // 2:08x}"  # larl %r1, data
        f"eb0f1{_CONTROL:03x}002f"  # lctlg %c0, %c15
        f"9a0f1{_ACCESS:03x}"  # lam %a0, %a15
        f"e70f1{_LOW:03x}0036"  # vlm %v0, %v15
        f"e70f1{_HIGH:03x}0c36"  # vlm %v16, %v31
        f"b29d1{_FPC:03x}"  # lfpc
        f"b2101{_PREFIX:03x}"  # spx
        f"b2061{_COMPARATOR:03x}"  # sckc
        f"b2081{_TIMER:03x}"  # spt
        "a70912340107"  # lghi %r0, 0x1234; sckpf
        f"eb0f1{_GENERAL:03x}0004"  # lmg %r0, %r15
        "a7f40000"  # j to itself
    )
    control = bytearray(distinct(0xC0, 16))
    # Bits for AFP and vector registers; none that start something, such as PER or tracing.
    for number, value in {0: 0x600E0, 8: 0, 9: 0, 12: 0, 14: 0}.items():
        struct.pack_into(">Q", control, number * 8, value)
    data = {
        _CONTROL: bytes(control),
        _ACCESS: distinct(0xA0, 16, 4),
        _LOW: distinct(0xB0, 16, 16),
        _HIGH: distinct(0xD0, 16, 16),
        _GENERAL: distinct(0xE0, 16),
        _FPC: struct.pack(">I", 0x00F8FF03),
        _PREFIX: struct.pack(">I", 0x8000),
        _COMPARATOR: struct.pack(">Q", 0xFEDC_BA98_7654_3210),
        _TIMER: struct.pack(">Q", 0x7EDC_BA98_7654_3210),
    }
    return elf(22, _BASE, placed({0: code, _DATA: placed(data)}))
