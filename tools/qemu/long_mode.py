"""Firmware that switches every CPU of a PC to long mode, and halts it with distinct registers.

The first CPU turns the area below 1 MiB into RAM, as PC firmware does, copies the firmware there
and starts the others in the copy. Each CPU then fills its registers with values that identify
register and CPU, leaves flags that QEMU has not computed yet, and halts. The firmware itself
contains page tables and descriptors.
"""

from __future__ import annotations

import struct

from .firmware import assembled

#: Address of the firmware of a PC, which is 64 KiB long.
BASE = 0xFFFF0000
#: Address where all CPUs halt.
STOP = BASE + 0x169

_CODE = assembled(
    """
    fa                      ; start:  cli                      16-bit code, all others come here
    fc                      ;         cld
    2e 66 0f 01 16 00 80    ;         lgdtl %cs:0x8000
    0f 20 e0                ;         mov %cr4, %eax
    66 83 c8 20             ;         or $0x20, %eax           PAE
    0f 22 e0                ;         mov %eax, %cr4
    66 b8 00 a0 ff ff       ;         mov $0xffffa000, %eax
    0f 22 d8                ;         mov %eax, %cr3
    66 b9 80 00 00 c0       ;         mov $0xc0000080, %ecx    EFER
    0f 32                   ;         rdmsr
    66 0d 00 01 00 00       ;         or $0x100, %eax          LME
    0f 30                   ;         wrmsr
    0f 20 c0                ;         mov %cr0, %eax
    66 0d 01 00 00 80       ;         or $0x80000001, %eax     PG, PE
    0f 22 c0                ;         mov %eax, %cr0
    66 ea 40 00 ff ff 08 00 ;         ljmpl $0x08, $0xffff0040
    b8 10 00 00 00          ; long:   mov $0x10, %eax          64-bit code, at 0x40
    8e d8 8e c0 8e d0       ;         mov %eax, %ds; %es; %ss
    8e e0 8e e8             ;         mov %eax, %fs; %gs
    b0 18 0f 00 d0          ;         mov $0x18, %al; lldt %ax
    b0 28 0f 00 d8          ;         mov $0x28, %al; ltr %ax
    bf 10 80 ff ff          ;         mov $0xffff8010, %edi
    0f 01 1f                ;         lidt (%rdi)
    b8 01 00 00 00 0f a2    ;         mov $1, %eax; cpuid
    c1 eb 18 41 89 df       ;         shr $24, %ebx; mov %ebx, %r15d   number of the CPU
    75 5c                   ;         jnz regs
    ba f8 0c 00 00          ;         mov $0xcf8, %edx
    b8 00 00 00 80 ef       ;         mov $0x80000000, %eax; out %eax, %dx
    b2 fc ed                ;         mov $0xfc, %dl; in %dx, %eax
    b3 59                   ;         mov $0x59, %bl           PAM0 of i440FX
    3d 86 80 37 12 74 02    ;         cmp $0x12378086, %eax; je pam
    b3 90                   ;         mov $0x90, %bl           PAM0 of Q35
    b1 30                   ; pam:    mov $0x30, %cl
    be 07 00 00 00          ;         mov $7, %esi
    b8 00 00 00 80          ; next:   mov $0x80000000, %eax
    88 d8 24 fc             ;         mov %bl, %al; and $0xfc, %al
    b2 f8 ef                ;         mov $0xf8, %dl; out %eax, %dx
    88 da 80 e2 03 80 c2 fc ;         mov %bl, %dl; and $3, %dl; add $0xfc, %dl
    88 c8 ee                ;         mov %cl, %al; out %al, %dx
    b1 33                   ;         mov $0x33, %cl
    ff c3 ff ce 75 e1       ;         inc %ebx; dec %esi; jnz next
    be 00 00 ff ff          ;         mov $0xffff0000, %esi
    bf 00 00 0f 00          ;         mov $0xf0000, %edi
    b9 00 20 00 00 f3 48 a5 ;         mov $0x2000, %ecx; rep movsq
    bf 00 03 e0 fe          ;         mov $0xfee00300, %edi
    c7 07 f0 46 0c 00       ;         movl $0xc46f0, (%rdi)    STARTUP at f0000 to all others
    b9 00 01 00 c0          ; regs:   mov $0xc0000100, %ecx    base of FS
    ba 01 80 ff ff          ;         mov $0xffff8001, %edx
    41 8d 87 30 12 00 00    ;         lea 0x1230(%r15), %eax
    0f 30                   ;         wrmsr
    ff c1 ff c2 0f 30       ;         inc %ecx; inc %edx; wrmsr   base of GS
    ff c1 ff c2 0f 30       ;         inc %ecx; inc %edx; wrmsr   kernel's base of GS
    48 b8 88 97 a6 b5       ;         movabs $0xf1e2d3c4b5a69788, %rax
    c4 d3 e2 f1
    4c 01 f8                ;         add %r15, %rax
    0f 22 d0                ;         mov %rax, %cr2
    48 69 d8 01 10 00 00    ;         imul $0x1001, %rax, %rbx
    48 69 c8 01 20 00 00    ;         imul $0x2001, %rax, %rcx
    48 69 d0 01 30 00 00    ;         imul $0x3001, %rax, %rdx
    48 69 f0 01 40 00 00    ;         imul $0x4001, %rax, %rsi
    48 69 f8 01 50 00 00    ;         imul $0x5001, %rax, %rdi
    48 69 e8 01 60 00 00    ;         imul $0x6001, %rax, %rbp
    48 69 e0 01 70 00 00    ;         imul $0x7001, %rax, %rsp
    4c 69 c0 01 80 00 00    ;         imul $0x8001, %rax, %r8
    4c 69 c8 01 90 00 00    ;         imul $0x9001, %rax, %r9
    4c 69 d0 01 a0 00 00    ;         imul $0xa001, %rax, %r10
    4c 69 d8 01 b0 00 00    ;         imul $0xb001, %rax, %r11
    4c 69 e0 01 c0 00 00    ;         imul $0xc001, %rax, %r12
    4c 69 e8 01 d0 00 00    ;         imul $0xd001, %rax, %r13
    4c 69 f0 01 e0 00 00    ;         imul $0xe001, %rax, %r14
    4c 69 f8 01 f0 00 00    ;         imul $0xf001, %rax, %r15
    fd 48 39 c3             ;         std; cmp %rax, %rbx
    f4                      ; stop:   hlt
    eb fd                   ;         jmp stop
    """
)

#: Present, writable, accessed; for a page of 2 MiB also dirty.
_TABLE, _PAGE = 0x23, 0xE3

#: By offset in the firmware: operands of `lgdt` and `lidt`, descriptors, page tables.
_DATA: dict[int, bytes] = {
    0x8000: struct.pack("<HI", 0x37, BASE + 0x8100),
    0x8010: struct.pack("<HQ", 0xFFF, BASE + 0x9000),
    0x8100: struct.pack(
        "<7Q",
        *(0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF),  # code of 64 bits, data
        *(0x000082012340000F, 0),  # LDT at 0x12340
        *(0x0000890567800067, 0),  # TSS at 0x56780
    ),
    0xA000: struct.pack("<Q", BASE + 0xB000 | _TABLE),
    0xB000: struct.pack("<4Q", BASE + 0xC000 | _TABLE, 0, 0, BASE + 0xD000 | _TABLE),
    0xC000: struct.pack("<Q", _PAGE),
    0xD000 + 0x1F7 * 8: struct.pack("<Q", 0xFEE00000 | _PAGE),  # the local APIC
    0xD000 + 0x1FF * 8: struct.pack("<Q", 0xFFE00000 | _PAGE),
    0xFFF0: bytes.fromhex("e9 0d 00"),  # jmp start, where the first CPU begins
}


def long_mode() -> bytes:
    """The image, for `-bios`."""
    image = bytearray(_CODE.ljust(0x10000, b"\xf4"))
    for start, stop in ((0x8000, 0x8200), (0xA000, 0xE000)):
        image[start:stop] = bytes(stop - start)
    for offset, data in _DATA.items():
        image[offset : offset + len(data)] = data
    return bytes(image)
