"""x86: QEMU's fields for the notes of its dumps.

Source: QEMU target/i386/machine.c, vmstate_x86_cpu; target/i386/arch_dump.c; register numbers from
target/i386/cpu.h: R_EAX, R_ES and those after them.
"""

from typing import Any

from mappedram.format.foreign.cpu_notes import (
    SEGMENTS,
    I386Prstatus,
    QemuCpuState,
    X86_64Prstatus,
    names,
)
from mappedram.format.foreign.elf import NoteType
from mappedram.guest.cpu.note import Note, NoteContext
from mappedram.guest.cpu.registers import Path, Registers

_64_BIT_NAMES = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
]
_32_BIT_NAMES = names("eax ecx edx ebx esp ebp esi edi")
_SEGMENT_NAMES = names("es cs ss ds fs gs")

_SEGMENT_PATHS: dict[str, Path] = {
    **{name: ("env.segs", number) for number, name in enumerate(_SEGMENT_NAMES)},
    **{name: (f"env.{name}",) for name in ("ldt", "tr", "gdt", "idt")},
}
_SELECTORS: dict[str, Path] = {name: (*_SEGMENT_PATHS[name], "selector") for name in _SEGMENT_NAMES}
_64_BIT: dict[str, Path] = {name: ("env.regs", number) for number, name in enumerate(_64_BIT_NAMES)}
_32_BIT: dict[str, Path] = {name: ("env.regs", number) for number, name in enumerate(_32_BIT_NAMES)}

#: Registers by field of the note.
_X86_64_PRSTATUS: dict[str, Path] = {
    **_64_BIT,
    **_SELECTORS,
    "rip": ("env.eip",),
    "eflags": ("env.eflags",),
    "fs_base": (*_SEGMENT_PATHS["fs"], "base"),
    "gs_base": (*_SEGMENT_PATHS["gs"], "base"),
}
_I386_PRSTATUS: dict[str, Path] = {
    **_32_BIT,
    **_SELECTORS,
    "eip": ("env.eip",),
    "eflags": ("env.eflags",),
}
_QEMU: dict[str, Path] = {**_64_BIT, "rip": ("env.eip",), "rflags": ("env.eflags",)}
#: CR1 does not exist.
_CONTROL: tuple[Path | None, ...] = (
    ("env.cr[0]",),
    None,
    ("env.cr[2]",),
    ("env.cr[3]",),
    ("env.cr[4]",),
)
_KERNEL_GS_BASE: Path = ("env.kernelgsbase",)


def x86_64_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make NT_PRSTATUS and QEMU's own note for a CPU of `qemu-system-x86_64`."""
    prstatus = {name: registers[path] for name, path in _X86_64_PRSTATUS.items()}
    return (
        _prstatus(X86_64Prstatus.build({**prstatus, "pr_pid": context.pid, "orig_rax": 0})),
        _qemu(registers, {name: registers[path] for name, path in _QEMU.items()}),
    )


def i386_notes(registers: Registers, context: NoteContext) -> tuple[Note, ...]:
    """Make NT_PRSTATUS and QEMU's own note for a CPU of `qemu-system-i386`."""
    low = {name: registers[path] & 0xFFFFFFFF for name, path in _I386_PRSTATUS.items()}
    prstatus = {**low, **{name: low[name] & 0xFFFF for name in _SELECTORS}}
    wide = dict.fromkeys(_64_BIT, 0)
    wide |= {f"r{name[1:]}": low[name] for name in _32_BIT}
    return (
        _prstatus(I386Prstatus.build({**prstatus, "pr_pid": context.pid, "orig_eax": 0})),
        _qemu(registers, {**wide, "rip": low["eip"], "rflags": low["eflags"]}),
    )


def _prstatus(desc: bytes) -> Note:
    return Note("CORE", NoteType.PRSTATUS, desc)


def _qemu(registers: Registers, values: dict[str, Any]) -> Note:
    values |= {name: _segment(registers, _SEGMENT_PATHS[name]) for name in SEGMENTS}
    values["cr"] = [registers[path] if path else 0 for path in _CONTROL]
    values["kernel_gs_base"] = registers.get(_KERNEL_GS_BASE, 0)
    return Note("QEMU", 0, QemuCpuState.build(values))


def _segment(registers: Registers, path: Path) -> dict[str, int]:
    return {name: registers[*path, name] for name in ("selector", "limit", "flags", "base")}
