"""System registers of an ARM CPU, which QEMU saves as a list of numbers and values.

Source: QEMU target/arm/machine.c, cpreg_vmstate_indexes; the numbers are those of KVM, Linux
arch/arm64/include/uapi/asm/kvm.h, KVM_REG_ARM64_SYSREG, and arch/arm/include/uapi/asm/kvm.h.
"""

from functools import lru_cache

from mappedram.guest.cpu.registers import Registers

_AARCH64 = 0x6030_0000_0013_0000
_AARCH32_32_BITS = 0x4020_0000_0000_0000


def _aarch64(op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
    return _AARCH64 | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


def _aarch32(crn: int, opc1: int, crm: int, opc2: int, *, secure: bool) -> int:
    """A register of coprocessor 15; QEMU marks the ones that are not secure."""
    bank = 0 if secure else 1 << 29
    return _AARCH32_32_BITS | bank | 15 << 16 | crn << 11 | crm << 7 | opc1 << 3 | opc2


SCTLR_EL1 = _aarch64(3, 0, 1, 0, 0)
SCTLR_EL1_OF_32_BITS = _aarch32(1, 0, 0, 0, secure=False)


#: Its lowest bits are the version of debugging, which is 0 only without AArch64.
_ID_AA64DFR0 = _aarch64(3, 0, 0, 5, 0)
SVCR = _aarch64(3, 3, 4, 2, 2)
ZCR_EL1, ZCR_EL2, ZCR_EL3 = (_aarch64(3, op1, 1, 2, 0) for op1 in (0, 4, 6))
HCR_EL2, SCR_EL3 = _aarch64(3, 4, 1, 1, 0), _aarch64(3, 6, 1, 1, 0)
#: Of all CPUs with SVE, those with EL2 have this register.
TTBR1_EL2 = _aarch64(3, 4, 2, 0, 1)


def has_aarch64(registers: Registers) -> bool:
    """Whether the CPU has AArch64; QEMU gives others some of its system registers, too."""
    return bool((system_register(registers, _ID_AA64DFR0) or 0) & 0xF)


def system_register(registers: Registers, number: int) -> int | None:
    """Value of a system register; None if the CPU has none of that number."""
    return _listed(registers).get(number)


@lru_cache(maxsize=1)
def _listed(registers: Registers) -> dict[int, int]:
    if registers.length("cpreg_vmstate_indexes") == 0:
        return {}
    numbers = registers.numbers(("cpreg_vmstate_indexes",))
    values = registers.numbers(("cpreg_vmstate_values",))
    return dict(zip(numbers, values, strict=False))
