"""s390x: QEMU's fields for the notes of its dumps.

Source: QEMU target/s390x/machine.c, vmstate_s390_cpu and those after it;
target/s390x/arch_dump.c.
"""

from construct import Construct

from mappedram.format.foreign.cpu_notes import (
    S390x4,
    S390x16,
    S390x32,
    S390x32Halves,
    S390x64,
    S390xFpregset,
    S390xPrstatus,
)
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Path, Registers

_LOW_32 = (1 << 32) - 1
#: Registers of one number: type and layout of the note, field in the section.
_SINGLE: tuple[tuple[NoteType, Construct, str], ...] = (
    (NoteType.S390_TIMER, S390x64, "env.cputm"),
    (NoteType.S390_TODCMP, S390x64, "env.ckc"),
    (NoteType.S390_TODPREG, S390x32, "env.todpr"),
)


def s390x_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make all notes but the one of protected virtualization.

    QEMU saves the registers of a facility only if the CPU has it, and writes zeros otherwise.
    """
    prstatus = {
        "pid": context.pid,
        "psw_mask": registers[("env.psw.mask",)],
        "psw_addr": registers[("env.psw.addr",)],
        "gprs": registers.numbers(("env.regs",)),
        "acrs": registers.numbers(("env.aregs",)),
    }
    fpregset = {
        "fpc": registers["cpu/fpu", "env.fpc"],
        "fprs": [_vector(registers, number, 0) for number in range(16)],
    }
    low = [_vector(registers, number, 1) for number in range(16)]
    high = [_vector(registers, number, half) for number in range(16, 32) for half in range(2)]
    guarded: list[Path] = [("cpu/gscb", "env.gscb", number) for number in range(4)]
    return (
        Note("CORE", NoteType.PRSTATUS, S390xPrstatus.build(prstatus)),
        Note("CORE", NoteType.FPREGSET, S390xFpregset.build(fpregset)),
        _linux(NoteType.S390_PREFIX, S390x32, registers[("env.psa",)] & _LOW_32),
        _linux(NoteType.S390_CTRS, S390x16, registers.numbers(("env.cregs",))),
        *(_linux(kind, layout, registers[(name,)]) for kind, layout, name in _SINGLE),
        _linux(NoteType.S390_VXRS_LOW, S390x16, low),
        _linux(NoteType.S390_VXRS_HIGH, S390x32Halves, high),
        _linux(NoteType.S390_GS_CB, S390x4, [registers.get(path, 0) for path in guarded]),
    )


def _vector(registers: Registers, number: int, half: int) -> int:
    """Half of a vector register; the first halves of 16 of them are floating-point registers."""
    is_floating = number < 16 and half == 0  # noqa: PLR2004
    section = "cpu/fpu" if is_floating else "cpu/vregs"
    return registers.get((section, f"env.vregs[{number}][{half}]"), 0)


def _linux(kind: NoteType, layout: Construct, value: int | list[int]) -> Note:
    return Note("LINUX", kind, layout.build(value))
