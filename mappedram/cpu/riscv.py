"""RISC-V: where QEMU keeps what the notes of its dumps say.

Source: QEMU target/riscv/machine.c, vmstate_riscv_cpu; target/riscv/arch_dump.c.
"""

from mappedram.cpu.note import Note
from mappedram.cpu.registers import Registers
from mappedram.layout.cpu_notes import Riscv64Prstatus
from mappedram.layout.elf import NoteType


def riscv64_notes(registers: Registers, pid: int) -> tuple[Note, ...]:
    """NT_PRSTATUS."""
    values = {
        "pr_pid": pid,
        "pc": registers[("env.pc",)],
        "regs": [registers["env.gpr", number] for number in range(1, 32)],
    }
    return (Note("CORE", NoteType.PRSTATUS, Riscv64Prstatus.build(values)),)
