"""Programs for RISC-V of 64 and of 32 bits."""

from __future__ import annotations

from .encoding import words


def riscv64() -> bytes:
    """For `-bios` of `virt`; all CPUs run it, and x1 gets the number of the CPU."""
    return _program(40)


def riscv32() -> bytes:
    """The same for 32 bits."""
    return _program(20)


def _program(shift: int) -> bytes:
    codes = [0xF14020F3]  # csrr x1, mhartid
    for register in range(2, 32):
        codes += [
            (0x700 + register) << 20 | register << 7 | 0x13,  # li x, 0x700 + its number
            shift << 20 | register << 15 | 1 << 12 | register << 7 | 0x13,  # slli x, x, shift
            33 << 20 | register << 15 | register << 7 | 0x13,  # addi x, x, 33
            register << 20 | 1 << 15 | register << 7 | 0x33,  # add x, x1, x
        ]
    codes += [0x10500073, 0xFFDFF06F]  # wfi; j to it
    return words(codes)
