"""Headers and notes of a 64-bit little-endian ELF core file.

Fields have the names of the ELF specification, chapters on object files and program loading, tables
1 to 4.
"""

from enum import IntEnum, IntFlag

from construct import (
    Aligned,
    Bytes,
    Const,
    Int8ul,
    Int16ul,
    Int32ul,
    Int64ul,
    Rebuild,
    Struct,
    this,
)

EHDR_SIZE, PHDR_SIZE, NOTE_HEADER_SIZE = 64, 56, 12
#: From this number of program headers on, the count is stored elsewhere, where few programs look.
PN_XNUM = 0xFFFF

ET_CORE = 4
ELFCLASS64 = 2
ELFDATA2LSB = 1
EV_CURRENT = 1


class Machine(IntEnum):
    """Values of `e_machine` in use here."""

    NONE = 0
    I386 = 3
    ARM = 40
    X86_64 = 62
    AARCH64 = 183
    RISCV = 243


class SegmentType(IntEnum):
    """Values of `p_type` in use here."""

    LOAD = 1
    NOTE = 4


class SegmentFlags(IntFlag):
    """Bits of `p_flags`."""

    X = 1
    W = 2
    R = 4


class NoteType(IntEnum):
    """Values of `n_type` in a note named CORE; in notes named QEMU or VMCOREINFO it is 0."""

    PRSTATUS = 1
    FPREGSET = 2


FileHeader = Struct(
    "ei_mag" / Const(b"\x7fELF"),
    "ei_class" / Const(ELFCLASS64, Int8ul),
    "ei_data" / Const(ELFDATA2LSB, Int8ul),
    "ei_version" / Const(EV_CURRENT, Int8ul),
    "ei_osabi" / Const(0, Int8ul),
    "ei_pad" / Const(bytes(8)),
    "e_type" / Const(ET_CORE, Int16ul),
    "e_machine" / Int16ul,
    "e_version" / Const(EV_CURRENT, Int32ul),
    "e_entry" / Const(0, Int64ul),
    "e_phoff" / Const(EHDR_SIZE, Int64ul),
    "e_shoff" / Const(0, Int64ul),
    "e_flags" / Const(0, Int32ul),
    "e_ehsize" / Const(EHDR_SIZE, Int16ul),
    "e_phentsize" / Const(PHDR_SIZE, Int16ul),
    "e_phnum" / Int16ul,
    "e_shentsize" / Const(0, Int16ul),
    "e_shnum" / Const(0, Int16ul),
    "e_shstrndx" / Const(0, Int16ul),
)

ProgramHeader = Struct(
    "p_type" / Int32ul,
    "p_flags" / Int32ul,
    "p_offset" / Int64ul,
    "p_vaddr" / Int64ul,
    "p_paddr" / Int64ul,
    "p_filesz" / Int64ul,
    "p_memsz" / Int64ul,
    "p_align" / Const(0, Int64ul),
)

NoteHeader = Struct("n_namesz" / Int32ul, "n_descsz" / Int32ul, "n_type" / Int32ul)

Note = Struct(
    "n_namesz" / Rebuild(Int32ul, lambda note: len(note.name)),
    "n_descsz" / Rebuild(Int32ul, lambda note: len(note.desc)),
    "n_type" / Int32ul,
    "name" / Aligned(4, Bytes(this.n_namesz)),
    "desc" / Aligned(4, Bytes(this.n_descsz)),
)
