"""Programs for machines other than PCs that load each register with a distinct value, and halt."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def _words(codes: Iterable[int]) -> bytes:
    return b"".join(struct.pack("<I", code) for code in codes)


def _movz(register: int, value: int, shift: int = 0) -> int:
    return 0xD2800000 | (shift // 16) << 21 | value << 5 | register


def _movk(register: int, value: int, shift: int) -> int:
    return _movz(register, value, shift) | 1 << 29


def aarch64() -> bytes:
    """For `-bios` of `virt`, which starts at address 0 with one CPU; the others stay off."""
    codes = [
        _movz(0, 0x30, 16),  # mov x0, #3 << 20
        0xD5181040,  # msr cpacr_el1, x0: no trap of floating point
        0xD5033FDF,  # isb
        _movz(0, 0x3C0, 16),  # mov x0, #0x3c0 << 16: modes of flushing and rounding
        0xD51B4400,  # msr fpcr, x0
        _movz(0, 0x9F),  # mov x0, #0x9f: all exceptions
        _movk(0, 0x800, 16),  # movk x0, #0x800, lsl #16: QC
        0xD51B4420,  # msr fpsr, x0
    ]
    for register in range(32):
        codes += [
            _movz(1, 0x1000 + register),
            _movk(1, 0xA000 + register, 48),
            0x9E670000 | 1 << 5 | register,  # fmov d, x1
            _movk(1, 0xB000 + register, 48),
            0x9EAF0000 | 1 << 5 | register,  # fmov v.d[1], x1
        ]
    codes += [_movz(0, 0x7654), _movk(0, 0x3210, 48), 0x9100001F]  # mov sp, x0
    for register in range(31):
        codes += [_movz(register, 0x2000 + register), _movk(register, 0xC000 + register, 48)]
    codes += [0xEB02003F, 0xD503207F, 0x17FFFFFF]  # cmp x1, x2; wfi; b to it
    return _words(codes)


def riscv64() -> bytes:
    """For `-bios` of `virt`; all CPUs run it, and x1 gets the number of the CPU."""
    codes = [0xF14020F3]  # csrr x1, mhartid
    for register in range(2, 32):
        codes += [
            (0x700 + register) << 20 | register << 7 | 0x13,  # li x, 0x700 + its number
            40 << 20 | register << 15 | 1 << 12 | register << 7 | 0x13,  # slli x, x, 40
            33 << 20 | register << 15 | register << 7 | 0x13,  # addi x, x, 33
            register << 20 | 1 << 15 | register << 7 | 0x33,  # add x, x1, x
        ]
    codes += [0x10500073, 0xFFDFF06F]  # wfi; j to it
    return _words(codes)
