"""Detect the architecture of a guest, which the file does not name.

It follows from the registers of the CPUs, or from the machine type if they cannot be read.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mappedram.errors import UnsupportedError
from mappedram.format.foreign.elf import Encoding, Machine
from mappedram.guest.cpu import arm, loongarch, ppc, riscv, s390x
from mappedram.guest.cpu.arm_system import has_aarch64
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Registers, UnknownRegisterError
from mappedram.guest.cpu.x86 import i386_notes, x86_64_notes
from mappedram.guest.machine import family_of
from mappedram.stream.model import Stream

#: Makes the notes of one CPU.
MakeNotes = Callable[[Registers, NoteContext], tuple[Note, ...]]


def _nothing(_: Registers, __: NoteContext) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture.

    Attributes:
        name: QEMU's name.
        machine: ELF's number.
        shows: whether a CPU has this architecture, from its registers; raises
            `UnknownRegisterError` if they do not show it.
        notes: makes the notes of a CPU.
        bits: size of an address in a core file.
        big: whether guests are big-endian, or most of them.
        is_big: whether a guest is, from the registers of its first CPU; None if `big` tells.
        lacking: reason why a CPU lacks one of QEMU's notes; empty if it does not.
        grouped: True if QEMU writes the first notes of all CPUs, then the second ones; False if it
            writes all notes of one CPU, then those of the next.
    """

    name: str
    machine: Machine
    shows: Callable[[Registers], bool]
    notes: MakeNotes
    bits: int = 64
    big: bool = False
    is_big: Callable[[Registers, Stream], bool] | None = None
    lacking: Callable[[Registers, NoteContext], str] = _nothing
    grouped: bool = False

    def encoding(self, stream: Stream, cpus: Sequence[Registers]) -> Encoding:
        """How QEMU encodes the core of a guest; as for most guests if the CPUs do not tell."""
        big = self.big
        if cpus and self.is_big is not None:
            with suppress(UnknownRegisterError):
                big = self.is_big(cpus[0], stream)
        return Encoding(self.bits, big)


#: X0 to X30, and the stack pointer.
_ARM_REGISTERS = 32


def _is_x86(registers: Registers, count: int) -> bool:
    return ("env.eip",) in registers and registers.length("env.regs") == count


def _is_arm(registers: Registers) -> bool:
    return registers.length("env.xregs") == _ARM_REGISTERS and ("cpsr",) in registers


def _is_aarch64(registers: Registers) -> bool:
    return _is_arm(registers) and (has_aarch64(registers) or not _is_arm_of_32_bits(registers))


def _is_arm_of_32_bits(registers: Registers) -> bool:
    return arm.in_aarch32(registers) or arm.is_m_profile(registers)


def _is_riscv(registers: Registers) -> bool:
    return ("env.mstatus",) in registers and registers.length("env.gpr") > 0


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
        bits=32,
        grouped=True,
    ),
    Architecture(
        "aarch64",
        Machine.AARCH64,
        _is_aarch64,
        notes=arm.aarch64_notes,
        lacking=arm.lacking,
        is_big=lambda registers, _: arm.is_big_endian(registers),
    ),
    # CPUs of 32 bits have the fields of the others, too.
    Architecture(
        "arm",
        Machine.ARM,
        lambda registers: _is_arm(registers) and _is_arm_of_32_bits(registers),
        notes=arm.arm_notes,
        bits=32,
        is_big=lambda registers, _: arm.is_big_endian(registers),
    ),
    Architecture(
        "riscv64",
        Machine.RISCV,
        lambda registers: _is_riscv(registers) and not riscv.is_riscv32(registers),
        notes=riscv.riscv64_notes,
    ),
    Architecture(
        "riscv32",
        Machine.RISCV,
        lambda registers: _is_riscv(registers) and riscv.is_riscv32(registers),
        notes=riscv.riscv32_notes,
        bits=32,
    ),
    Architecture(
        "s390x",
        Machine.S390,
        lambda registers: ("env.psw.mask",) in registers,
        notes=s390x.s390x_notes,
        big=True,
    ),
    Architecture(
        "ppc64",
        Machine.PPC64,
        ppc.is_ppc64,
        notes=ppc.ppc_notes,
        big=True,
        is_big=ppc.is_big_endian,
    ),
    Architecture(
        "ppc",
        Machine.PPC,
        ppc.is_ppc,
        notes=ppc.ppc_notes,
        bits=32,
        big=True,
        is_big=ppc.is_big_endian,
    ),
    Architecture(
        "loongarch64",
        Machine.LOONGARCH,
        loongarch.is_loongarch,
        notes=loongarch.loongarch64_notes,
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
            f"machine type {stream.machine!r} is for {name}: ELF cores are supported only for"
            f" {', '.join(known)}"
        )
    return known.get(name or "")
