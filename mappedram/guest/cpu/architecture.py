"""Detect the architecture of a guest, which the file does not name.

It follows from the registers of the CPUs, or from the machine type if they cannot be read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mappedram.errors import UnsupportedError
from mappedram.format.foreign.elf import Machine
from mappedram.guest.cpu.arm import aarch64_notes, in_aarch32
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.registers import Registers, UnknownRegisterError
from mappedram.guest.cpu.riscv import riscv64_notes
from mappedram.guest.cpu.x86 import i386_notes, x86_64_notes
from mappedram.guest.machine import family_of
from mappedram.stream.model import Stream

#: Makes the notes of one CPU; the second argument is the CPU's number in the notes.
MakeNotes = Callable[[Registers, int], tuple[Note, ...]]


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture.

    Attributes:
        name: QEMU's name.
        machine: ELF's number.
        shows: whether a CPU has this architecture, from its registers; raises
            `UnknownRegisterError` if they do not show it.
        notes: makes the notes of a CPU; None if no notes are known.
        grouped: True if QEMU writes the first notes of all CPUs, then the second ones; False if it
            writes all notes of one CPU, then those of the next.
    """

    name: str
    machine: Machine
    shows: Callable[[Registers], bool]
    notes: MakeNotes | None = None
    grouped: bool = False


#: X0 to X30, and the stack pointer.
_ARM_REGISTERS = 32


def _is_x86(registers: Registers, count: int) -> bool:
    return ("env.eip",) in registers and registers.length("env.regs") == count


def _is_arm(registers: Registers) -> bool:
    return registers.length("env.xregs") == _ARM_REGISTERS and ("cpsr",) in registers


ARCHITECTURES = (
    Architecture(
        "x86_64",
        Machine.X86_64,
        lambda registers: _is_x86(registers, 16),
        notes=x86_64_notes,
        grouped=True,
    ),
    Architecture(
        "i386",
        Machine.I386,
        lambda registers: _is_x86(registers, 8),
        notes=i386_notes,
        grouped=True,
    ),
    Architecture(
        "aarch64",
        Machine.AARCH64,
        lambda registers: _is_arm(registers) and not in_aarch32(registers),
        notes=aarch64_notes,
    ),
    # 32-bit CPUs have the other registers, too. So this also matches a 64-bit guest if all its CPUs
    # run 32-bit programs.
    Architecture(
        "arm", Machine.ARM, lambda registers: _is_arm(registers) and in_aarch32(registers)
    ),
    Architecture(
        "riscv64",
        Machine.RISCV,
        lambda registers: (
            ("env.mstatus",) in registers and registers.element_type("env.gpr") == "uint64"
        ),
        notes=riscv64_notes,
    ),
)


def _is_shown(architecture: Architecture, registers: Registers) -> bool:
    try:
        return architecture.shows(registers)
    except UnknownRegisterError:
        return False


def architecture_of(stream: Stream, cpus: Sequence[Registers]) -> Architecture | None:
    """Architecture of a guest; None if unknown.

    Raises:
        UnsupportedError: the architecture is not in the table.
    """
    for architecture in ARCHITECTURES:
        if any(_is_shown(architecture, registers) for registers in cpus):
            return architecture
    family, _ = family_of(stream) or (None, None)
    # A stream without a configuration section names no machine.
    is_pc = family is None and any(block.idstr == "pc.ram" for block in stream.blocks)
    name = family.arch if family else "x86_64" if is_pc else None
    known = {one.name: one for one in ARCHITECTURES}
    if name is not None and name not in known:
        raise UnsupportedError(
            f"machine type {stream.machine!r} is of {name}: ELF cores are written of guests of"
            f" {', '.join(known)}"
        )
    return known.get(name or "")
