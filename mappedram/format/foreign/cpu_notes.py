"""CPU notes of an ELF core, in the layouts that QEMU's `dump-guest-memory` writes.

Fields have the names of the structures in the source of QEMU and Linux.
"""

from construct import Array, Bytes, Const, Int16ul, Int32ul, Int64ul, Padding, Struct


def names(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


_X86_64_REGS = names(
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax"
    " rip cs eflags rsp ss fs_base gs_base ds es fs gs"
)

#: Source: QEMU target/i386/arch_dump.c, x86_64_elf_prstatus.
X86_64Prstatus = Struct(
    Padding(32),
    "pr_pid" / Int32ul,
    Padding(76),
    *(name / Int64ul for name in _X86_64_REGS),
    Padding(8),
)

_I386_REGS = names("ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss")
_I386_SELECTORS = frozenset({"cs", "ds", "es", "fs", "gs", "ss"})

#: Source: QEMU target/i386/arch_dump.c, x86_elf_prstatus.
I386Prstatus = Struct(
    Padding(24),
    "pr_pid" / Int32ul,
    Padding(44),
    *(
        # A selector is stored in the lower half of its word.
        part
        for name in _I386_REGS
        for part in ((name / Int16ul, Padding(2)) if name in _I386_SELECTORS else (name / Int32ul,))
    ),
    Padding(4),
)

_SEGMENT = Struct(
    "selector" / Int32ul, "limit" / Int32ul, "flags" / Int32ul, Padding(4), "base" / Int64ul
)

QEMU_CPU_STATE_VERSION = 1
QEMU_CPU_STATE_SIZE = 440
#: In the order of the note.
SEGMENTS = names("cs ds es fs gs ss ldt tr gdt idt")

#: Source: QEMU target/i386/arch_dump.c, QEMUCPUState.
QemuCpuState = Struct(
    "version" / Const(QEMU_CPU_STATE_VERSION, Int32ul),
    "size" / Const(QEMU_CPU_STATE_SIZE, Int32ul),
    *(name / Int64ul for name in names("rax rbx rcx rdx rsi rdi rsp rbp")),
    *(f"r{number}" / Int64ul for number in range(8, 16)),
    "rip" / Int64ul,
    "rflags" / Int64ul,
    *(name / _SEGMENT for name in SEGMENTS),
    "cr" / Array(5, Int64ul),
    "kernel_gs_base" / Int64ul,
)

#: Source: QEMU target/arm/arch_dump.c, aarch64_elf_prstatus.
Aarch64Prstatus = Struct(
    Padding(32),
    "pr_pid" / Int32ul,
    Padding(76),
    "regs" / Array(31, Int64ul),
    "sp" / Int64ul,
    "pc" / Int64ul,
    "pstate" / Int64ul,
    "pr_fpvalid" / Const(1, Int32ul),
    Padding(4),
)

#: Source: QEMU target/arm/arch_dump.c, aarch64_user_vfp_state.
Aarch64Fpregset = Struct(
    "vregs" / Array(64, Int64ul),
    "fpsr" / Int32ul,
    "fpcr" / Int32ul,
    "pad" / Const(bytes(8), Bytes(8)),
)

#: Source: QEMU target/riscv/arch_dump.c, riscv64_elf_prstatus.
Riscv64Prstatus = Struct(
    Padding(32),
    "pr_pid" / Int32ul,
    Padding(76),
    "pc" / Int64ul,
    "regs" / Array(31, Int64ul),  # x1 to x31
    Padding(8),
)
