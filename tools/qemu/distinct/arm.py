"""Programs for ARM: 64 bits, 32 bits, and microcontrollers."""

from __future__ import annotations

import struct

from .encoding import distinct, placed, words

#: Modes, except that of users.
FIQ, IRQ, SVC, ABT, UND, SYS = MODES = (0x11, 0x12, 0x13, 0x17, 0x1B, 0x1F)


def _movz(register: int, value: int, shift: int = 0) -> int:
    return 0xD2800000 | (shift // 16) << 21 | value << 5 | register


def _movk(register: int, value: int, shift: int) -> int:
    return _movz(register, value, shift) | 1 << 29


def aarch64(*, big: bool = False) -> bytes:
    """For `-bios` of `virt`, which starts at address 0 with one CPU; the others stay off.

    `big` makes data at EL1 big-endian, as a big-endian kernel does.
    """
    codes = [*_floating(), *_vectors()]
    if big:
        codes += [0xD5381000, _movz(1, 0x200, 16), 0xAA010000, 0xD5181000]  # SCTLR_EL1.EE
    return words([*codes, *_general()])


def aarch64_sve(asked: int) -> bytes:
    """The same for a CPU with SVE, whose vectors shall have at most `asked` times 128 bits."""
    codes = [
        *_floating(),
        _movz(0, asked - 1),
        0xD5181200,  # msr zcr_el1, x0
        0xD5033FDF,  # isb
        0x252C9000,  # setffr
    ]
    for register in range(32):
        codes += [
            _movz(1, 0x1000 + register),
            _movk(1, 0xA000 + register, 48),
            _movz(2, 0x101 + register),
            0x04E04C00 | 2 << 16 | 1 << 5 | register,  # index z.d, x1, x2
        ]
    for register in range(16):
        codes += [0x2518E000 | (register % 8 + 1) << 5 | register]  # ptrue p.b, vl1 to vl8
    return words([*codes, *_general()])


def _floating() -> list[int]:
    return [
        _movz(0, 0x33, 16),  # mov x0, #0x33 << 16
        0xD5181040,  # msr cpacr_el1, x0: no trap of floating point and of vectors
        0xD5033FDF,  # isb
        _movz(0, 0x3C0, 16),  # mov x0, #0x3c0 << 16: modes of flushing and rounding
        0xD51B4400,  # msr fpcr, x0
        _movz(0, 0x9F),  # mov x0, #0x9f: all exceptions
        _movk(0, 0x800, 16),  # movk x0, #0x800, lsl #16: QC
        0xD51B4420,  # msr fpsr, x0
    ]


def _vectors() -> list[int]:
    codes = []
    for register in range(32):
        codes += [
            _movz(1, 0x1000 + register),
            _movk(1, 0xA000 + register, 48),
            0x9E670000 | 1 << 5 | register,  # fmov d, x1
            _movk(1, 0xB000 + register, 48),
            0x9EAF0000 | 1 << 5 | register,  # fmov v.d[1], x1
        ]
    return codes


def _general() -> list[int]:
    codes = [_movz(0, 0x7654), _movk(0, 0x3210, 48), 0x9100001F]  # mov sp, x0
    for register in range(31):
        codes += [_movz(register, 0x2000 + register), _movk(register, 0xC000 + register, 48)]
    return [*codes, 0xEB02003F, 0xD503207F, 0x17FFFFFF]  # cmp x1, x2; wfi; b to it


#: Where 32-bit programs have their data.
_DATA = 0x1000


def arm(*, big: bool = False) -> bytes:
    """For `-bios` of `virt`; `big` makes exceptions big-endian, as a big-endian kernel does."""
    return placed({0: words(_arm(big=big)), _DATA: _arm_data()})


def aarch64_in_aarch32(mode: int = SVC) -> bytes:
    """For `-bios` of `virt,virtualization=on`: from EL2 to EL1 with 32 bits, ends in this mode."""
    start = 0x800
    codes = [
        _movz(0, 0),
        0xD51C1100,  # msr hcr_el2, x0: EL1 has 32 bits
        _movz(0, 0x1D3),  # SVC mode, all interrupts masked
        0xD51C4000,  # msr spsr_el2, x0
        _movz(0, start),
        0xD51C4020,  # msr elr_el2, x0
        0xD69F03E0,  # eret
    ]
    return placed({0: words(codes), start: words(_arm(big=False, last=mode)), _DATA: _arm_data()})


def _arm(*, big: bool, last: int = SVC) -> list[int]:
    codes = [
        0xEE110F50,  # mrc p15, 0, r0, c1, c0, 2: CPACR
        0xE380060F,  # orr r0, r0, #0xf00000
        0xEE010F50,  # mcr
        0xF57FF06F,  # isb
        0xE3A00101,  # mov r0, #0x40000000
        0xEEE80A10,  # vmsr fpexc, r0
    ]
    if big:
        codes += [0xEE110F10, 0xE3800402, 0xEE010F10]  # SCTLR.EE
    for mode in MODES:
        codes += [
            0xF1020000 | mode,  # cps
            0xE3A0DB00 | mode,  # mov sp, #mode << 10
            0xE3A0EA00 | mode,  # mov lr, #mode << 12
        ]
        if mode == FIQ:
            codes += [0xE3A00A01, 0xE8901F00]  # mov r0, #0x1000; ldm r0, {r8-r12}
    codes += [
        0xF1020000 | last,  # cps
        0xE3A00A01,  # mov r0, #0x1000
        0xECB00B20,  # vldmia r0!, {d0-d15}
        0xECF00B20,  # vldmia r0!, {d16-d31}
        0xE4901004,  # ldr r1, [r0], #4
        0xEEE11A10,  # vmsr fpscr, r1
        0xE8907FFF,  # ldm r0, {r0-r14}
        0xE1510002,  # cmp r1, r2
        0xEAFFFFFE,  # b to itself
    ]
    return codes


def _arm_data() -> bytes:
    """Vector registers, FPSCR, other registers."""
    return distinct(0xB0, 32) + struct.pack("<I", 0x03C0009F) + distinct(0xA0, 15, 4)


def cortex_m(*, vector: bool) -> bytes:
    """For address 0 of `mps2`, with the vector table; `vector` uses floating-point registers."""
    thumb = [0x2010, 0x0200]  # movs r0, #0x10; lsls r0, r0, #8
    if vector:
        thumb += [0x6801, 0x6842, 0x600A]  # ldr r1, [r0]; ldr r2, [r0, #4]; str r2, [r1]: CPACR
        thumb += [0x3008, 0xECB0, 0x0B20]  # adds r0, #8; vldmia r0!, {d0-d15}
        thumb += [0xF850, 0x1B04, 0xEEE1, 0x1A10]  # ldr r1, [r0], #4; vmsr fpscr, r1
    else:
        thumb += [0x308C]  # adds r0, #0x8c
    thumb += [0xE890, 0x5FFF, 0x4291, 0xE7FE]  # ldm r0, {r0-r12, lr}; cmp r1, r2; b to itself
    data = (
        struct.pack("<II", 0xE000ED88, 0xF00000)
        + distinct(0xB0, 16)
        + struct.pack("<I", 0x03C0009F)
        + distinct(0xA0, 14, 4)
    )
    code = b"".join(struct.pack("<H", half) for half in thumb)
    return placed({0: struct.pack("<II", 0x20001000, 0x201), 0x200: code, _DATA: data})
