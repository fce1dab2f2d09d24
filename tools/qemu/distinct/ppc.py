"""Programs for PowerPC of 64 and of 32 bits, big-endian themselves, for guests of both kinds."""

from __future__ import annotations

import struct

from .encoding import distinct, placed, words

#: Where the program begins in the image, and where its data is.
_START, _DATA = 0x100, 0x2000
_GPR, _FPR, _VSR, _FLAGS, _VSCR = 0, 0x100, 0x200, 0x600, 0x610
_LR, _CTR, _XER, _HID0 = 8, 9, 1, 1008
#: Bits of MSR: AltiVec, VSX and floating point.
_UNITS = 0x02802000
_H_SET_MODE, _LITTLE = 0x31C, 4


def ppc64(*, hid0: int = 0, little: bool = False) -> bytes:
    """For `-bios` of `pseries` and `powernv`.

    Args:
        hid0: value of HID0, for `powernv`.
        little: ask the hypervisor for little-endian interrupts, for `pseries`.
    """
    codes = [_addi(1, 0, _DATA)]
    if little:
        codes += [_addi(3, 0, _H_SET_MODE), _addi(4, 0, 1), _addi(5, 0, _LITTLE)]
        codes += [_addi(6, 0, 0), _addi(7, 0, 0), 0x44000022, _addi(1, 0, _DATA)]  # sc 1
    if hid0:
        codes += [_ld(3, _FLAGS + 8), _mtspr(_HID0, 3)]
    codes += [
        0x7C6000A6,  # mfmsr r3
        _addis(4, 0, _UNITS >> 16),
        _ori(4, 4, _UNITS & 0xFFFF),
        _x(3, 3, 4, 444),  # or r3, r3, r4
        _x(3, 0, 0, 178),  # mtmsrd r3
        *_vscr(),
        *_fpscr(),
    ]
    for register in range(64):  # lxvd2x
        codes += [_addi(2, 0, _VSR + 16 * register), _x(register % 32, 1, 2, 844) | register // 32]
    codes += [_ld(3, _FLAGS), *_special(3)]
    codes += [_ld(register, _GPR + 8 * register) for register in (0, *range(2, 32), 1)]
    return _image(codes, 8, {_FLAGS + 8: struct.pack(">Q", hid0)})


def ppc() -> bytes:
    """For `-bios` of `mac99`, of 32 bits, at 0xfff00000."""
    codes = [
        _addis(1, 0, 0xFFF0),
        _ori(1, 1, _DATA),
        0x7C6000A6,  # mfmsr r3
        _addis(4, 0, _UNITS >> 16),
        _ori(4, 4, _UNITS & 0xFFFF),
        _x(3, 3, 4, 444),  # or r3, r3, r4
        _x(3, 0, 0, 146),  # mtmsr r3
        *_vscr(),
        *_fpscr(),
    ]
    for register in range(32):
        codes += [_addi(2, 0, _VSR + 16 * register), _x(register, 1, 2, 103)]  # lvx
        codes += [50 << 26 | register << 21 | 1 << 16 | (_FPR + 8 * register)]  # lfd
    codes += [_lwz(3, _FLAGS + 4), *_special(3)]
    codes += [_lwz(register, _GPR + 4 * register) for register in (0, *range(2, 32), 1)]
    return _image(codes, 4, {})


def _image(codes: list[int], size: int, more: dict[int, bytes]) -> bytes:
    data = {
        _GPR: distinct(0xA0, 32, size),
        _FPR: distinct(0xB0, 32),
        _VSR: distinct(0xC0, 64, 16),
        _FLAGS: struct.pack(">Q", 0xE0FE_1234),
        _VSCR: struct.pack(">IIIIQ", 0, 0, 0, 0x10001, 0x8202_4003),
        **more,
    }
    program = words([*codes, 0x48000000], ">")  # b to itself
    # `powernv` starts at 0x10.
    start = words([0x48000000 | _START - 0x10], ">")
    return placed({0x10: start, _START: program, _DATA: placed(data)})


def _vscr() -> list[int]:
    """Load VSCR through v0."""
    return [_addi(2, 0, _VSCR), _x(0, 1, 2, 103), 0x10000644]  # lvx; mtvscr v0


def _fpscr() -> list[int]:
    """Load FPSCR through f0: flags, and a mode of rounding."""
    return [50 << 26 | 1 << 16 | (_VSCR + 16), 63 << 26 | 0xFF << 17 | 711 << 1]  # lfd; mtfsf


def _special(register: int) -> list[int]:
    """Load CR, XER, LR and CTR from one register."""
    return [
        31 << 26 | register << 21 | 0xFF << 12 | 144 << 1,  # mtcrf
        *(_mtspr(number, register) for number in (_XER, _LR)),
        _addi(register, register, 0x1111),
        _mtspr(_CTR, register),
    ]


def _x(target: int, first: int, second: int, code: int) -> int:
    return 31 << 26 | target << 21 | first << 16 | second << 11 | code << 1


def _addi(target: int, source: int, value: int) -> int:
    return 14 << 26 | target << 21 | source << 16 | value


def _addis(target: int, source: int, value: int) -> int:
    return 15 << 26 | target << 21 | source << 16 | value


def _ori(target: int, source: int, value: int) -> int:
    return 24 << 26 | source << 21 | target << 16 | value


def _ld(target: int, offset: int) -> int:
    return 58 << 26 | target << 21 | 1 << 16 | offset


def _lwz(target: int, offset: int) -> int:
    return 32 << 26 | target << 21 | 1 << 16 | offset


def _mtspr(number: int, register: int) -> int:
    return 31 << 26 | register << 21 | (number & 31) << 16 | number >> 5 << 11 | 467 << 1
