"""The vector registers of ARM's Scalable Vector Extension, of a length that the file lacks.

QEMU saves the bits of the registers, and the lengths that software asked for (ZCR_ELx), but not the
lengths that the CPU has, which follow from the options of `-cpu`. The length in use is the longest
of these that is not longer than asked for.

QEMU saves only 1024 bits of each register (target/arm/machine.c, vmstate_zreg_hi_reg, counts
quadwords in place of halves), so longer ones are lost.

Source: QEMU target/arm/helper.c, sve_vqm1_for_el(); target/arm/arch_dump.c,
aarch64_write_elf64_sve().
"""

from collections.abc import Sequence

from mappedram.format.foreign.cpu_notes import aarch64_sve
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.arm_system import (
    HCR_EL2,
    SCR_EL3,
    SVCR,
    TTBR1_EL2,
    ZCR_EL1,
    ZCR_EL2,
    ZCR_EL3,
    system_register,
)
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Registers, UnknownRegisterError

#: Bits of a quadword, in which lengths are counted, and the most quadwords of a register.
_QUADWORD, _VQ_MAX = 128, 16
#: All lengths that a register can have, in bits.
LENGTHS = tuple(range(_QUADWORD, _QUADWORD * _VQ_MAX + 1, _QUADWORD))
_SVE = "cpu/sve"
_VFP = "cpu/vfp"
_LEN = 0xF
_SVCR_SM, _SCR_NS, _SCR_EEL2 = 1 << 0, 1 << 0, 1 << 18
_HCR_E2H, _HCR_TGE = 1 << 34, 1 << 27


def has_sve(registers: Registers) -> bool:
    """Whether the CPU has the extension."""
    return (_SVE,) in registers


def sve_note(
    registers: Registers, context: NoteContext, status: tuple[int, int], level: int
) -> Note:
    """NT_ARM_SVE.

    Args:
        registers: of a CPU with the extension.
        context: has the lengths of the CPU.
        status: FPSR and FPCR.
        level: the exception level of the CPU.

    Raises:
        UnknownRegisterError: the length of the registers is unknown.
    """
    lengths = context.vector_lengths
    if lengths is None:
        raise UnknownRegisterError(
            "the file does not record which vector lengths the CPU has (vector_lengths,"
            " --vector-lengths)"
        )
    vq, vq_max = _vq(registers, lengths, level), max(lengths) // _QUADWORD
    fpsr, fpcr = status
    zregs = [_vector(registers, number) for number in range(32)]
    pregs = [_predicate(registers, number) for number in range(17)]
    saved = min(map(len, zregs))
    if saved < 16 * vq:
        raise UnknownRegisterError(
            f"QEMU saved {8 * saved} of the {_QUADWORD * vq} bits of each vector register"
        )
    if any(map(any, (part[16 * vq :] for part in zregs))):
        raise UnknownRegisterError(f"a vector register has more than {vq * _QUADWORD} bits")
    layout = aarch64_sve(context.encoding, vq)
    values = {
        "size": layout.sizeof(),
        "max_size": aarch64_sve(context.encoding, vq_max).sizeof(),
        "vl": vq * 16,
        "max_vl": vq_max * 16,
        "zregs": [part[: 16 * vq] for part in zregs],
        "pregs": [part[: 2 * vq] for part in pregs],
        "fpsr": fpsr,
        "fpcr": fpcr,
    }
    return Note("LINUX", NoteType.ARM_SVE, layout.build(values))


def _vq(registers: Registers, lengths: Sequence[int], level: int) -> int:
    """Quadwords of the registers at an exception level."""
    if (system_register(registers, SVCR) or 0) & _SVCR_SM:
        raise UnknownRegisterError("the CPU is in streaming mode, which has lengths of its own")
    asked = min((_LEN & value for value in _asked(registers, level)), default=_VQ_MAX - 1) + 1
    return max(length for length in lengths if length <= asked * _QUADWORD) // _QUADWORD


def _asked(registers: Registers, level: int) -> list[int]:
    """ZCR of each exception level that limits the length."""

    def value(number: int) -> int:
        return system_register(registers, number) or 0

    # EL2 and EL3 are known by registers that a CPU without them has not even as zeros.
    has_el3 = system_register(registers, SCR_EL3) is not None
    is_secure = has_el3 and not value(SCR_EL3) & _SCR_NS
    has_el2 = system_register(registers, TTBR1_EL2) is not None
    has_el2 = has_el2 and not (is_secure and not value(SCR_EL3) & _SCR_EEL2)
    host = _HCR_E2H | _HCR_TGE
    is_in_host = level == 0 and has_el2 and value(HCR_EL2) & host == host
    asked = []
    if level <= 1 and not is_in_host:
        asked.append(value(ZCR_EL1))
    if level <= 2 and has_el2:  # noqa: PLR2004 - EL2
        asked.append(value(ZCR_EL2))
    return [*asked, value(ZCR_EL3)] if has_el3 else asked


def _vector(registers: Registers, number: int) -> bytes:
    """Bytes of a vector register, the lowest first."""
    low = registers.numbers((_VFP, f"env.vfp.zregs[{number}].d"))
    high = registers.numbers((_SVE, "env.vfp.zregs", number, "d"))
    return b"".join(word.to_bytes(8, "little") for word in (*low, *high))


def _predicate(registers: Registers, number: int) -> bytes:
    words = registers.numbers((_SVE, "env.vfp.pregs", number, "p"))
    return b"".join(word.to_bytes(8, "little") for word in words)
