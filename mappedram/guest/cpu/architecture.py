"""Which architecture a guest is of: nothing in the file says it.

It shows in the registers of its CPUs, and where they cannot be read, in the type of the machine.
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

#: The notes of one CPU, of which the second argument is the number that they give it.
MakeNotes = Callable[[Registers, int], tuple[Note, ...]]


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture.

    Attributes:
        name: as QEMU calls it.
        machine: as ELF calls it.
        shows: whether a CPU is of it, by its registers; raises `UnknownRegisterError` where these
            do not tell.
        notes: makes the notes of a CPU; None where no note is known.
        grouped: whether QEMU writes the first notes of all CPUs, then the second ones; otherwise
            all of the first CPU, then all of the next.
    """

    name: str
    machine: Machine
    shows: Callable[[Registers], bool]
    notes: MakeNotes | None = None
    grouped: bool = False


#: X0 to X30, and a place for the stack pointer.
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
    # CPUs of 32 bits have the other registers too; so a guest of 64 bits all of whose CPUs run
    # programs of 32 bits looks like this.
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
    """The architecture of a guest; None where nothing tells it.

    Raises:
        UnsupportedError: it is none of these.
    """
    for architecture in ARCHITECTURES:
        if any(_is_shown(architecture, registers) for registers in cpus):
            return architecture
    family, _ = family_of(stream) or (None, None)
    # A stream without its configuration section names no machine.
    is_pc = family is None and any(block.idstr == "pc.ram" for block in stream.blocks)
    name = family.arch if family else "x86_64" if is_pc else None
    known = {one.name: one for one in ARCHITECTURES}
    if name is not None and name not in known:
        raise UnsupportedError(
            f"machine type {stream.machine!r} is for {name}: ELF cores are supported only for"
            f" {', '.join(known)}"
        )
    return known.get(name or "")
