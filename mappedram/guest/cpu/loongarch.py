"""LoongArch: QEMU's fields for the notes of its dumps.

Source: QEMU target/loongarch/machine.c, vmstate_loongarch_cpu; target/loongarch/arch_dump.c.
"""

from mappedram.format.foreign.cpu_notes import LoongarchFpregset, LoongarchPrstatus
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Registers

_FPU = "cpu/fpu"
#: Where the control registers are since QEMU 11.1, and where they were before.
_CONTROL = ("env.sys_states[0]", "env")


def is_loongarch(registers: Registers) -> bool:
    """Whether a CPU is a LoongArch."""
    return any((f"{prefix}.CSR_CRMD",) in registers for prefix in _CONTROL)


def loongarch64_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make NT_PRSTATUS and NT_FPREGSET."""
    prefix = next(prefix for prefix in _CONTROL if (f"{prefix}.CSR_CRMD",) in registers)
    prstatus = {
        "pr_pid": context.pid,
        "gpr": registers.numbers(("env.gpr",)),
        "csr_era": registers[(f"{prefix}.CSR_ERA",)],
        "csr_badv": registers[(f"{prefix}.CSR_BADV",)],
    }
    flags = (registers.get((_FPU, "env.cf", number), 0) << 8 * number for number in range(8))
    fpregset = {
        "fpr": [registers.get((_FPU, "env.fpr", number, "UD[0]"), 0) for number in range(32)],
        "fcc": sum(flags),
        "fcsr": registers.get((_FPU, "env.fcsr0"), 0),
    }
    return (
        Note("CORE", NoteType.PRSTATUS, LoongarchPrstatus.build(prstatus)),
        Note("CORE", NoteType.FPREGSET, LoongarchFpregset.build(fpregset)),
    )
