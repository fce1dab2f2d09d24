"""RISC-V: QEMU's fields for the notes of its dumps.

Source: QEMU target/riscv/machine.c, vmstate_riscv_cpu; target/riscv/arch_dump.c.
"""

from construct import Struct

from mappedram.format.foreign.cpu_notes import Riscv32Prstatus, Riscv64Prstatus
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Registers

#: Value of `misa_mxl` for 32 bits.
_MXL_RV32 = 1


def is_riscv32(registers: Registers) -> bool:
    """Whether a RISC-V CPU has 32 bits. Since QEMU 11, the fields have 64 anyway."""
    return (
        registers.element_type("env.gpr") == "uint32"
        or registers.get(("env.misa_mxl",), 0) == _MXL_RV32
    )


def riscv64_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make NT_PRSTATUS for 64 bits."""
    return _notes(Riscv64Prstatus, registers, context, (1 << 64) - 1)


def riscv32_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make NT_PRSTATUS for 32 bits."""
    return _notes(Riscv32Prstatus, registers, context, (1 << 32) - 1)


def _notes(
    layout: Struct, registers: Registers, context: NoteContext, mask: int
) -> tuple[Note, ...]:
    values = {
        "pr_pid": context.pid,
        "pc": registers[("env.pc",)] & mask,
        "regs": [registers["env.gpr", number] & mask for number in range(1, 32)],
    }
    return (Note("CORE", NoteType.PRSTATUS, layout.build(values)),)
