"""RISC-V: QEMU's fields for the notes of its dumps.

Source: QEMU target/riscv/machine.c, vmstate_riscv_cpu; target/riscv/arch_dump.c.
"""

from mappedram.format.foreign.cpu_notes import Riscv64Prstatus
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.registers import Registers


def riscv64_notes(registers: Registers, pid: int) -> tuple[Note, ...]:
    """Make NT_PRSTATUS."""
    values = {
        "pr_pid": pid,
        "pc": registers[("env.pc",)],
        "regs": [registers["env.gpr", number] for number in range(1, 32)],
    }
    return (Note("CORE", NoteType.PRSTATUS, Riscv64Prstatus.build(values)),)
