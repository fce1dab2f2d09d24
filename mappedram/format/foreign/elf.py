"""Headers and notes of an ELF core file, with 32 or 64 bits and in either byte order.

Fields have the names of the ELF specification, chapters on object files and program loading, tables
1 to 4.
"""

from enum import IntEnum, IntFlag
from functools import cache
from typing import NamedTuple

from construct import (
    Aligned,
    Bytes,
    Const,
    Construct,
    Int8ul,
    Int16ub,
    Int16ul,
    Int32ub,
    Int32ul,
    Int64ub,
    Int64ul,
    Rebuild,
    Struct,
    this,
)

#: The same with 32 and with 64 bits.
NOTE_HEADER_SIZE = 12
#: From this number of program headers on, the count is stored elsewhere, where few programs look.
PN_XNUM = 0xFFFF

ET_CORE = 4
ELFCLASS32, ELFCLASS64 = 1, 2
ELFDATA2LSB, ELFDATA2MSB = 1, 2
EV_CURRENT = 1


class Machine(IntEnum):
    """Values of `e_machine` in use here."""

    NONE = 0
    I386 = 3
    PPC = 20
    PPC64 = 21
    S390 = 22
    ARM = 40
    X86_64 = 62
    AARCH64 = 183
    RISCV = 243
    LOONGARCH = 258


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
    """Values of `n_type` in notes named CORE and LINUX; in those named QEMU or VMCOREINFO it is 0.

    Source: Linux include/uapi/linux/elf.h.
    """

    PRSTATUS = 1
    FPREGSET = 2
    PPC_VMX = 0x100
    PPC_SPE = 0x101
    PPC_VSX = 0x102
    S390_TIMER = 0x301
    S390_TODCMP = 0x302
    S390_TODPREG = 0x303
    S390_CTRS = 0x304
    S390_PREFIX = 0x305
    S390_VXRS_LOW = 0x309
    S390_VXRS_HIGH = 0x30A
    S390_GS_CB = 0x30B
    ARM_VFP = 0x400
    ARM_SVE = 0x405


class Numbers(NamedTuple):
    """The unsigned integers of one byte order."""

    u16: Construct
    u32: Construct
    u64: Construct


LITTLE = Numbers(Int16ul, Int32ul, Int64ul)
BIG = Numbers(Int16ub, Int32ub, Int64ub)


class Encoding(NamedTuple):
    """How a core file encodes numbers.

    Attributes:
        bits: 32 or 64, the size of addresses.
        big: whether the byte order is big-endian.
    """

    bits: int = 64
    big: bool = False

    @property
    def numbers(self) -> Numbers:
        """Integers in its byte order."""
        return BIG if self.big else LITTLE

    @property
    def address(self) -> Construct:
        """An address, an offset or a size."""
        return self.numbers.u64 if self.bits == 64 else self.numbers.u32  # noqa: PLR2004

    @property
    def address_end(self) -> int:
        """First number that an address cannot have."""
        return 1 << self.bits


@cache
def file_header(encoding: Encoding) -> Struct:
    """Ehdr; `e_machine` and `e_phnum` are given."""
    u16, u32, _ = encoding.numbers
    head, segment = header_size(encoding), segment_size(encoding)
    return Struct(
        "ei_mag" / Const(b"\x7fELF"),
        "ei_class" / Const({32: ELFCLASS32, 64: ELFCLASS64}[encoding.bits], Int8ul),
        "ei_data" / Const(ELFDATA2MSB if encoding.big else ELFDATA2LSB, Int8ul),
        "ei_version" / Const(EV_CURRENT, Int8ul),
        "ei_osabi" / Const(0, Int8ul),
        "ei_pad" / Const(bytes(8)),
        "e_type" / Const(ET_CORE, u16),
        "e_machine" / u16,
        "e_version" / Const(EV_CURRENT, u32),
        "e_entry" / Const(0, encoding.address),
        "e_phoff" / Const(head, encoding.address),
        "e_shoff" / Const(0, encoding.address),
        "e_flags" / Const(0, u32),
        "e_ehsize" / Const(head, u16),
        "e_phentsize" / Const(segment, u16),
        "e_phnum" / u16,
        "e_shentsize" / Const(0, u16),
        "e_shnum" / Const(0, u16),
        "e_shstrndx" / Const(0, u16),
    )


def header_size(encoding: Encoding) -> int:
    """Size of the file header in bytes."""
    return {32: 52, 64: 64}[encoding.bits]


def segment_size(encoding: Encoding) -> int:
    """Size of a program header in bytes."""
    return {32: 32, 64: 56}[encoding.bits]


@cache
def program_header(encoding: Encoding) -> Struct:
    """Phdr."""
    flags = "p_flags" / encoding.numbers.u32
    places = [
        name / encoding.address
        for name in ("p_offset", "p_vaddr", "p_paddr", "p_filesz", "p_memsz")
    ]
    middle = {32: (*places, flags), 64: (flags, *places)}[encoding.bits]
    return Struct("p_type" / encoding.numbers.u32, *middle, "p_align" / Const(0, encoding.address))


@cache
def note_header(encoding: Encoding) -> Struct:
    """Nhdr."""
    u32 = encoding.numbers.u32
    return Struct("n_namesz" / u32, "n_descsz" / u32, "n_type" / u32)


@cache
def note(encoding: Encoding) -> Struct:
    """A note: header, name and content."""
    u32 = encoding.numbers.u32
    return Struct(
        "n_namesz" / Rebuild(u32, lambda note: len(note.name)),
        "n_descsz" / Rebuild(u32, lambda note: len(note.desc)),
        "n_type" / u32,
        "name" / Aligned(4, Bytes(this.n_namesz)),
        "desc" / Aligned(4, Bytes(this.n_descsz)),
    )
