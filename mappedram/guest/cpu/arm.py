"""AArch64: QEMU's fields for the notes of its dumps.

Source: QEMU target/arm/machine.c, vmstate_arm_cpu and vmstate_vfp; target/arm/arch_dump.c.
"""

from mappedram.format.foreign.cpu_notes import Aarch64Fpregset, Aarch64Prstatus
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.registers import Path, Registers, UnknownRegisterError

#: PSTATE if the CPU is in AArch64 state, CPSR in AArch32 state.
_PSTATE: Path = ("cpsr",)
#: PSTATE.nRW: the CPU is in AArch32 state.
_NRW = 1 << 4
_VFP = "cpu/vfp"
_FPSCR: Path = (_VFP, "fpscr")
#: Present since QEMU 9.1 if FPCR has bits that FPSCR cannot hold.
_FPCR_FPSR: Path = (_VFP, "cpu/vfp/fpcr_fpsr")
#: Bits of FPSCR that belong to FPSR and to FPCR. Source: QEMU target/arm/cpu.h, FPSCR_FPSR_MASK and
#: FPSCR_FPCR_MASK.
_FPSR_BITS, _FPCR_BITS = 0xF800009F, 0x07FF9F00


def in_aarch32(registers: Registers) -> bool:
    """Whether the CPU is in AArch32 state; 32-bit CPUs always are."""
    return bool(registers[_PSTATE] & _NRW)


def aarch64_notes(registers: Registers, pid: int) -> tuple[Note, ...]:
    """NT_PRSTATUS and NT_FPREGSET. NT_ARM_SVE needs the length of vectors, which is not saved."""
    if in_aarch32(registers):
        raise UnknownRegisterError("it is in AArch32 state, for which no note is written")
    values = {
        "pr_pid": pid,
        "regs": [registers["env.xregs", number] for number in range(31)],
        "sp": registers["env.xregs", 31],
        "pc": registers[("env.pc",)],
        "pstate": registers[_PSTATE] & 0xFFFFFFFF,
    }
    notes = [Note("CORE", NoteType.PRSTATUS, Aarch64Prstatus.build(values))]
    if (_VFP,) in registers:
        notes.append(Note("CORE", NoteType.FPREGSET, Aarch64Fpregset.build(_vfp(registers))))
    return tuple(notes)


def _vfp(registers: Registers) -> dict[str, object]:
    halves = ((number, half) for number in range(32) for half in range(2))
    fpsr, fpcr = _status(registers)
    return {
        "vregs": [registers[_VFP, f"env.vfp.zregs[{number}].d", half] for number, half in halves],
        "fpsr": fpsr,
        "fpcr": fpcr,
    }


def _status(registers: Registers) -> tuple[int, int]:
    """FPSR and FPCR."""
    if _FPCR_FPSR in registers:
        return registers[*_FPCR_FPSR, "fpsr"], registers[*_FPCR_FPSR, "fpcr"]
    fpscr = registers[_FPSCR]
    return fpscr & _FPSR_BITS, fpscr & _FPCR_BITS
