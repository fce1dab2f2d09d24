"""Program for LoongArch."""

from __future__ import annotations

from .encoding import words

#: Numbers of control registers.
_EUEN, _ERA, _BADV = 2, 6, 7


def loongarch64() -> bytes:
    """For `-bios` of `virt`, which starts in flash with one CPU; the others wait."""
    codes = [*_load(4, 1), _csrwr(4, _EUEN)]  # floating point
    codes += [*_load(4, 0xABCD_1234_5678_9AB0), _csrwr(4, _ERA)]
    codes += [*_load(4, 0xBCDA_4321_8765_BA90), _csrwr(4, _BADV)]
    for register in range(32):
        codes += [*_load(4, _value(0xA0, register)), 0x0114A800 | 4 << 5 | register]  # movgr2fr.d
    codes += [*_load(4, 0x1F00_0300), 0x0114C000 | 4 << 5]  # movgr2fcsr: flags and rounding
    for flag in range(8):
        codes += [*_load(4, 0xA5 >> flag & 1), 0x0114D800 | 4 << 5 | flag]  # movgr2cf
    for register in range(1, 32):
        codes += _load(register, _value(0xC0, register))
    return words([*codes, 0x06488000, 0x53FFFFFF])  # idle; b to it


def _value(tag: int, register: int) -> int:
    return tag << 56 | register << 40 | tag << 16 | (tag ^ register)


def _load(register: int, value: int) -> list[int]:
    """lu12i.w; ori; lu32i.d; lu52i.d."""
    return [
        0x14000000 | (value >> 12 & 0xFFFFF) << 5 | register,
        0x03800000 | (value & 0xFFF) << 10 | register << 5 | register,
        0x16000000 | (value >> 32 & 0xFFFFF) << 5 | register,
        0x03000000 | (value >> 52 & 0xFFF) << 10 | register << 5 | register,
    ]


def _csrwr(register: int, number: int) -> int:
    return 0x04000000 | number << 10 | 1 << 5 | register
