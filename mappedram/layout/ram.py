"""The RAM section: its records, the header of a block and the mapped-ram header."""

from construct import Bytes, If, Int8ub, Int32ub, Int64ub, StringEncoded, this

from mappedram.layout.constants import (
    MAPPED_RAM_HDR_VERSION,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MASK,
    RAM_SAVE_FLAG_MEM_SIZE,
)
from mappedram.layout.declare import Valid, record
from mappedram.layout.stream import ENCODING

MemSize = record(
    "mem_size",
    total_and_flags=Valid(
        Int64ub, lambda value: value & RAM_SAVE_FLAG_MASK == RAM_SAVE_FLAG_MEM_SIZE
    ),
)

EndOfSection = record(
    "end_of_section",
    flags=Valid(
        Int64ub,
        lambda value: value & RAM_SAVE_FLAG_MASK & ~RAM_SAVE_FLAG_CONTINUE == RAM_SAVE_FLAG_EOS,
    ),
)

MappedRamHeader = record(
    "mapped_ram_header",
    version=Valid(Int32ub, lambda value: value <= MAPPED_RAM_HDR_VERSION),
    page_size=Int64ub,
    bitmap_offset=Int64ub,
    pages_offset=Int64ub,
)

RamBlockHeader = record(
    "ramblock_header",
    len_idstr=Valid(Int8ub, lambda value: value >= 1),
    idstr=StringEncoded(Bytes(this.len_idstr), ENCODING),
    used_length=Int64ub,
    page_size=If(this._params.has_page_size, Int64ub),
    addr=If(this._params.has_addr, Int64ub),
    mapped_ram=If(this._params.has_mapped_ram, MappedRamHeader.subcon),
)
