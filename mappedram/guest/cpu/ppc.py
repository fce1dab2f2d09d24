"""PowerPC: QEMU's fields for the notes of its dumps.

Source: QEMU target/ppc/machine.c, vmstate_ppc_cpu and those after it; target/ppc/arch_dump.c.
"""

from mappedram.format.foreign.cpu_notes import (
    ppc_fpregset,
    ppc_prstatus,
    ppc_speregset,
    ppc_vmxregset,
    ppc_vsxregset,
)
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Registers
from mappedram.guest.machine import family_of
from mappedram.stream.model import Stream

#: Numbers of special registers.
_XER, _LR, _CTR, _PVR, _LPCR, _SPEFSCR, _HID0 = 1, 8, 9, 287, 318, 512, 1008
#: Bits that make interrupts little-endian: in LPCR, in MSR, and in HID0 before and since POWER9.
_LPCR_ILE, _MSR_ILE, _HILE, _HILE_POWER9 = 1 << 25, 1 << 16, 1 << 44, 1 << 59
#: Upper halves of PVR of the CPUs since POWER9. Source: QEMU target/ppc/cpu-models.h.
_POWER9_AND_LATER = frozenset({0x004E, 0x0080, 0x0082})
#: The same of those with a mode for hypervisors, which 970 lacks in QEMU: POWER8 and later. Source:
#: QEMU target/ppc/cpu_init.c, msr_mask.
_WITH_HYPERVISOR = frozenset({0x004B, 0x004C, 0x004D}) | _POWER9_AND_LATER
#: The same of those with LPCR.ILE: POWER5+, POWER7 and later. Source: the same, lpcr_mask.
_WITH_LPCR = frozenset({0x003B, 0x003F, 0x004A}) | _WITH_HYPERVISOR
#: Memory of the machine whose guests have no such mode, because QEMU is the hypervisor.
_PSERIES = "ppc_spapr.ram"


def is_ppc(registers: Registers) -> bool:
    """Whether a CPU is a PowerPC, of 32 or of 64 bits."""
    return ("env.nip",) in registers and registers.length("env.crf") == 8  # noqa: PLR2004


def is_ppc64(registers: Registers) -> bool:
    """Whether a CPU is one of `qemu-system-ppc64`."""
    return is_ppc(registers) and registers.element_type("env.gpr") == "uint64"


def is_big_endian(registers: Registers, stream: Stream) -> bool:
    """Byte order in which the CPU takes interrupts, and therefore that of the guest's kernel.

    Source: QEMU target/ppc/cpu.h, ppc_interrupts_little_endian().
    """
    special = registers.numbers(("env.spr",))
    version = special[_PVR] >> 16
    family, _ = family_of(stream) or (None, None)
    is_pseries = family is not None and family.ram_id == _PSERIES
    if version in _WITH_HYPERVISOR and not is_pseries:
        bit = _HILE_POWER9 if version in _POWER9_AND_LATER else _HILE
        return not special[_HID0] & bit
    if version in _WITH_LPCR:
        return not special[_LPCR] & _LPCR_ILE
    return not registers[("env.msr",)] & _MSR_ILE


def ppc_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make all notes, of registers that the CPU does not have, too; they are zero, as in QEMU."""
    special = registers.numbers(("env.spr",))
    prstatus = {
        "pid": context.pid,
        "gpr": registers.numbers(("env.gpr",)),
        "nip": registers[("env.nip",)],
        "msr": registers[("env.msr",)],
        "ctr": special[_CTR],
        "link": special[_LR],
        "xer": special[_XER],
        "ccr": _condition(registers),
        **dict.fromkeys(("orig_gpr3", "softe", "trap", "dar", "dsisr", "result"), 0),
    }
    fpregset = {
        "fpr": [registers.get(("cpu/fpu", "env.vsr", number), 0) for number in range(32)],
        "fpscr": registers.get(("cpu/fpu", "env.fpscr"), 0),
    }
    vmx = {
        "avr": _vectors(registers, big=context.encoding.big),
        "vscr": registers.get(("cpu/altivec", "vscr"), 0),
    }
    vsx = {"vsr": [registers.get(("cpu/vsx", "env.vsr", number), 0) for number in range(32)]}
    spe = {"spe_acc": registers[("env.spe_acc",)], "spe_fscr": special[_SPEFSCR] & 0xFFFFFFFF}
    made = (
        (NoteType.PRSTATUS, ppc_prstatus, prstatus),
        (NoteType.FPREGSET, ppc_fpregset, fpregset),
        (NoteType.PPC_VMX, ppc_vmxregset, vmx),
        (NoteType.PPC_VSX, ppc_vsxregset, vsx),
        (NoteType.PPC_SPE, ppc_speregset, spe),
    )
    return tuple(
        Note("CORE", kind, layout(context.encoding).build(values)) for kind, layout, values in made
    )


def _condition(registers: Registers) -> int:
    """CR, of its eight fields."""
    value = 0
    for field in registers.numbers(("env.crf",)):
        value = value << 4 | field & 0xF
    return value


def _vectors(registers: Registers, *, big: bool) -> list[int]:
    """Halves of the AltiVec registers in the order of the note.

    A little-endian host, the only kind considered here, saves the lower half first.
    """
    halves = []
    for number in range(32):
        low, high = (
            registers.get(("cpu/altivec", "env.vsr", number, half), 0) for half in range(2)
        )
        halves += [high, low] if big else [low, high]
    return halves
