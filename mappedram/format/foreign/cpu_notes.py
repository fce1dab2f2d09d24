"""CPU notes of an ELF core, in the layouts that QEMU's `dump-guest-memory` writes.

Fields have the names of the structures in the source of QEMU and Linux.
"""

from functools import cache

from construct import (
    Array,
    Bytes,
    Const,
    Int16ul,
    Int32ub,
    Int32ul,
    Int64ub,
    Int64ul,
    Padding,
    Struct,
)

from mappedram.format.foreign.elf import Encoding


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


@cache
def aarch64_prstatus(encoding: Encoding) -> Struct:
    """Source: QEMU target/arm/arch_dump.c, aarch64_elf_prstatus."""
    _, u32, u64 = encoding.numbers
    return Struct(
        Padding(32),
        "pr_pid" / u32,
        Padding(76),
        "regs" / Array(31, u64),
        "sp" / u64,
        "pc" / u64,
        "pstate" / u64,
        "pr_fpvalid" / Const(1, u32),
        Padding(4),
    )


@cache
def aarch64_fpregset(encoding: Encoding) -> Struct:
    """Source: QEMU target/arm/arch_dump.c, aarch64_user_vfp_state."""
    _, u32, u64 = encoding.numbers
    return Struct(
        "vregs" / Array(64, u64),
        "fpsr" / u32,
        "fpcr" / u32,
        "pad" / Const(bytes(8), Bytes(8)),
    )


@cache
def aarch64_sve(encoding: Encoding, vq: int) -> Struct:
    """Registers of `vq` times 128 bits. Source: QEMU target/arm/arch_dump.c.

    The predicate registers follow FFR, the last of them, up to a multiple of 16 bytes.
    """
    u16, u32, _ = encoding.numbers
    return Struct(
        "size" / u32,
        "max_size" / u32,
        "vl" / u16,
        "max_vl" / u16,
        "flags" / Const(1, u16),
        "reserved" / Const(0, u16),
        "zregs" / Array(32, Bytes(16 * vq)),
        "pregs" / Array(17, Bytes(2 * vq)),
        Padding(-17 * 2 * vq % 16),
        "fpsr" / u32,
        "fpcr" / u32,
        Padding(8),
    )


@cache
def arm_prstatus(encoding: Encoding) -> Struct:
    """Source: QEMU target/arm/arch_dump.c, arm_elf_prstatus."""
    u32 = encoding.numbers.u32
    return Struct(
        Padding(24),
        "pr_pid" / u32,
        Padding(44),
        "regs" / Array(16, u32),
        "cpsr" / u32,
        Padding(4),
        "pr_fpvalid" / u32,
    )


@cache
def arm_vfp(encoding: Encoding) -> Struct:
    """Source: QEMU target/arm/arch_dump.c, arm_user_vfp_state."""
    return Struct("vregs" / Array(32, encoding.numbers.u64), "fpscr" / encoding.numbers.u32)


#: Source: QEMU target/riscv/arch_dump.c, riscv64_elf_prstatus.
Riscv64Prstatus = Struct(
    Padding(32),
    "pr_pid" / Int32ul,
    Padding(76),
    "pc" / Int64ul,
    "regs" / Array(31, Int64ul),  # x1 to x31
    Padding(8),
)

#: Source: QEMU target/riscv/arch_dump.c, riscv32_elf_prstatus.
Riscv32Prstatus = Struct(
    Padding(24),
    "pr_pid" / Int32ul,
    Padding(44),
    "pc" / Int32ul,
    "regs" / Array(31, Int32ul),
    Padding(4),
)

#: Source: QEMU target/loongarch/arch_dump.c, loongarch_elf_prstatus.
LoongarchPrstatus = Struct(
    Padding(32),
    "pr_pid" / Int32ul,
    Padding(76),
    "gpr" / Array(32, Int64ul),
    Padding(8),
    "csr_era" / Int64ul,
    "csr_badv" / Int64ul,
    Padding(80),
    "pr_fpvalid" / Const(1, Int32ul),
    Padding(4),
)

#: Source: QEMU target/loongarch/arch_dump.c, loongarch_fpu_struct.
LoongarchFpregset = Struct("fpr" / Array(32, Int64ul), "fcc" / Int64ul, "fcsr" / Int32ul)

#: Source: QEMU target/s390x/arch_dump.c, S390xElfPrstatusStruct.
S390xPrstatus = Struct(
    Padding(32),
    "pid" / Int32ub,
    Padding(76),
    "psw_mask" / Int64ub,
    "psw_addr" / Int64ub,
    "gprs" / Array(16, Int64ub),
    "acrs" / Array(16, Int32ub),
    Padding(16),
)

#: Source: QEMU target/s390x/arch_dump.c, S390xElfFpregsetStruct.
S390xFpregset = Struct("fpc" / Int32ub, Padding(4), "fprs" / Array(16, Int64ub))

#: Other registers of s390x: one number, or several. Source: QEMU target/s390x/arch_dump.c.
S390x32, S390x64 = Int32ub, Int64ub
S390x4, S390x16, S390x32Halves = Array(4, Int64ub), Array(16, Int64ub), Array(32, Int64ub)


@cache
def ppc_prstatus(encoding: Encoding) -> Struct:
    """Source: QEMU target/ppc/arch_dump.c, PPCElfPrstatus."""
    u32, register = encoding.numbers.u32, encoding.address
    return Struct(
        Padding(32),
        "pid" / u32,
        Padding(76),
        "gpr" / Array(32, register),
        *(
            name / register
            for name in names("nip msr orig_gpr3 ctr link xer ccr softe trap dar dsisr result")
        ),
        Padding(40),
    )


@cache
def ppc_fpregset(encoding: Encoding) -> Struct:
    """Source: QEMU target/ppc/arch_dump.c, PPCElfFpregset."""
    return Struct("fpr" / Array(32, encoding.numbers.u64), "fpscr" / encoding.address)


@cache
def ppc_vmxregset(encoding: Encoding) -> Struct:
    """Source: QEMU target/ppc/arch_dump.c, PPCElfVmxregset.

    The halves of a register are in the byte order of the file, too. QEMU puts VSCR into the last
    word of its 16 bytes in both.
    """
    _, u32, u64 = encoding.numbers
    return Struct("avr" / Array(64, u64), Padding(12), "vscr" / u32, Padding(16))


@cache
def ppc_vsxregset(encoding: Encoding) -> Struct:
    """Source: QEMU target/ppc/arch_dump.c, PPCElfVsxregset."""
    return Struct("vsr" / Array(32, encoding.numbers.u64))


@cache
def ppc_speregset(encoding: Encoding) -> Struct:
    """Source: QEMU target/ppc/arch_dump.c, PPCElfSperegset. QEMU leaves the upper halves zero."""
    _, u32, u64 = encoding.numbers
    return Struct(Padding(128), "spe_acc" / u64, "spe_fscr" / u32)
