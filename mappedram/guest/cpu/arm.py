"""ARM, of 64 and of 32 bits: QEMU's fields for the notes of its dumps.

Source: QEMU target/arm/machine.c, vmstate_arm_cpu and vmstate_vfp; target/arm/arch_dump.c.
"""

from mappedram.format.foreign.cpu_notes import (
    aarch64_fpregset,
    aarch64_prstatus,
    arm_prstatus,
    arm_vfp,
)
from mappedram.format.foreign.elf import Encoding, NoteType
from mappedram.guest.cpu.arm_system import SCTLR_EL1, SCTLR_EL1_OF_32_BITS, system_register
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Path, Registers, UnknownRegisterError
from mappedram.guest.cpu.sve import has_sve, sve_note

#: PSTATE if the CPU is in AArch64 state, CPSR in AArch32 state, XPSR in a CPU of the M profile.
_PSTATE: Path = ("cpsr",)
#: PSTATE.nRW: the CPU is in AArch32 state.
_NRW = 1 << 4
_MODE = 0x1F
#: Data accesses at EL1 are big-endian.
_SCTLR_EE = 1 << 25
_VFP = "cpu/vfp"
_FPSCR: Path = (_VFP, "fpscr")
#: Present since QEMU 9.1 if FPCR has bits that FPSCR cannot hold.
_FPCR_FPSR: Path = (_VFP, "cpu/vfp/fpcr_fpsr")
#: Bits of FPSCR that belong to FPSR and to FPCR. Source: QEMU target/arm/cpu.h, FPSCR_FPSR_MASK and
#: FPSCR_FPCR_MASK.
_FPSR_BITS, _FPCR_BITS = 0xF800009F, 0x07FF9F00

_USR, _FIQ, _IRQ, _SVC, _ABT, _HYP, _UND, _SYS = 0x10, 0x11, 0x12, 0x13, 0x17, 0x1A, 0x1B, 0x1F
#: Index of a mode in the arrays of banked registers. Source: QEMU target/arm/internals.h,
#: bank_number().
_BANKS = {_USR: 0, _SYS: 0, _SVC: 1, _ABT: 2, _UND: 3, _IRQ: 4, _FIQ: 5, _HYP: 6}

#: Bits of XPSR that are the same in CPSR, and the other bits of CPSR in a CPU of the M profile: the
#: state after a reset, which nothing changes there. Source: QEMU target/arm/cpu.c,
#: arm_cpu_reset_hold().
_XPSR_IN_CPSR, _CPSR_OF_M = 0xFE0FFC00, 0x1D3

#: X16 to X23 in AArch32 state are LR and SP of these modes.
_PAIRS = (_IRQ, _SVC, _ABT, _UND)


def in_aarch32(registers: Registers) -> bool:
    """Whether the CPU is in AArch32 state; 32-bit CPUs always are."""
    return bool(registers[_PSTATE] & _NRW)


def is_m_profile(registers: Registers) -> bool:
    """Whether the CPU is a microcontroller: of 32 bits, and with XPSR in place of CPSR."""
    return ("cpu/m",) in registers


def is_big_endian(registers: Registers) -> bool:
    """Byte order of data at EL1, and therefore that of the guest's kernel."""
    names = (SCTLR_EL1, SCTLR_EL1_OF_32_BITS)
    values = (system_register(registers, name) for name in names)
    return bool(next((value for value in values if value is not None), 0) & _SCTLR_EE)


def aarch64_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """NT_PRSTATUS, NT_FPREGSET, and NT_ARM_SVE if the length of the registers is known."""
    is_32 = in_aarch32(registers)
    values = {
        "pr_pid": context.pid,
        "regs": (
            _as_aarch64(registers)
            if is_32
            else [registers["env.xregs", number] for number in range(31)]
        ),
        "sp": 0 if is_32 else registers["env.xregs", 31],
        "pc": registers["env.regs", 15] if is_32 else registers[("env.pc",)],
        "pstate": registers[_PSTATE] & 0xFFFFFFFF,
    }
    notes = [Note("CORE", NoteType.PRSTATUS, aarch64_prstatus(context.encoding).build(values))]
    if (_VFP,) in registers:
        vfp = _vfp(registers, context.encoding)
        notes.append(Note("CORE", NoteType.FPREGSET, aarch64_fpregset(context.encoding).build(vfp)))
    if has_sve(registers) and not lacking(registers, context):
        notes.append(_sve_note(registers, context))
    return tuple(notes)


def lacking(registers: Registers, context: NoteContext) -> str:
    """The reason why a note is left out; empty if none is."""
    if not has_sve(registers):
        return ""
    try:
        _sve_note(registers, context)
    except UnknownRegisterError as error:
        return f"NT_ARM_SVE: {error}"
    return ""


def _sve_note(registers: Registers, context: NoteContext) -> Note:
    level = 1 if in_aarch32(registers) else registers[_PSTATE] >> 2 & 3
    return sve_note(registers, context, status(registers), level)


def arm_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """NT_PRSTATUS, and NT_ARM_VFP if the CPU has such registers."""
    has_vfp = (_VFP,) in registers
    values = {
        "pr_pid": context.pid,
        "regs": registers.numbers(("env.regs",)),
        "cpsr": _cpsr(registers),
        "pr_fpvalid": int(has_vfp),
    }
    notes = [Note("CORE", NoteType.PRSTATUS, arm_prstatus(context.encoding).build(values))]
    if has_vfp:
        vfp = {"vregs": _vector_halves(registers)[:32], "fpscr": _fpscr(registers)}
        notes.append(Note("LINUX", NoteType.ARM_VFP, arm_vfp(context.encoding).build(vfp)))
    return tuple(notes)


def _cpsr(registers: Registers) -> int:
    """CPSR. QEMU computes one for the M profile, too.

    Source: QEMU target/arm/helper.c, cpsr_read(); target/arm/cpu.h, xpsr_read().
    """
    value = registers[_PSTATE] & 0xFFFFFFFF
    if not is_m_profile(registers):
        return value
    thumb = value >> 24 & 1
    return value & _XPSR_IN_CPSR | thumb << 5 | _CPSR_OF_M


def _as_aarch64(registers: Registers) -> list[int]:
    """X0 to X30 in AArch32 state.

    Source: QEMU target/arm/helper.c, aarch64_sync_32_to_64(); ARM DDI 0487, D1.20.1.
    """
    mode = registers[_PSTATE] & _MODE
    current = registers.numbers(("env.regs",))
    is_fiq = mode == _FIQ
    shared = [registers["env.usr_regs", number] for number in range(5)]
    fast = [registers["env.fiq_regs", number] for number in range(5)]

    def pair(of: int) -> tuple[int, int]:
        """SP and LR of a mode."""
        if _BANKS[of] == _BANKS.get(mode):
            return current[13], current[14]
        return registers["env.banked_r13", _BANKS[of]], registers["env.banked_r14", _BANKS[of]]

    # Hypervisors use the link register of users.
    user_sp, user_lr = pair(_USR)
    if mode == _HYP:
        user_lr = current[14]
    found = [*current[:8], *(shared if is_fiq else current[8:13]), user_sp, user_lr, pair(_HYP)[0]]
    for one in _PAIRS:
        found += reversed(pair(one))
    return [*found, *(current[8:13] if is_fiq else fast), *pair(_FIQ)]


def _vector_halves(registers: Registers) -> list[int]:
    """Lower and upper 64 bits of V0 to V31."""
    return [
        registers[_VFP, f"env.vfp.zregs[{number}].d", half]
        for number in range(32)
        for half in range(2)
    ]


def _vfp(registers: Registers, encoding: Encoding) -> dict[str, object]:
    halves = _vector_halves(registers)
    if encoding.big:  # the upper half comes first
        halves = [halves[index ^ 1] for index in range(64)]
    fpsr, fpcr = status(registers)
    return {"vregs": halves, "fpsr": fpsr, "fpcr": fpcr}


def status(registers: Registers) -> tuple[int, int]:
    """FPSR and FPCR."""
    if _FPCR_FPSR in registers:
        return registers[*_FPCR_FPSR, "fpsr"], registers[*_FPCR_FPSR, "fpcr"]
    fpscr = registers[_FPSCR]
    return fpscr & _FPSR_BITS, fpscr & _FPCR_BITS


def _fpscr(registers: Registers) -> int:
    """FPSCR, of which QEMU saves the halves if one has bits beyond it."""
    fpsr, fpcr = status(registers)
    return fpsr & _FPSR_BITS | fpcr & _FPCR_BITS
