"""The RAM section: its records, the header of a block and the mapped-ram header."""

from typing import Any

from construct import Bytes, If, Int8ub, Int16ub, Int32ub, Int64ub, StringEncoded, this

from mappedram.layout.constants import (
    ENCODING_FLAG_XBZRLE,
    MAPPED_RAM_HDR_VERSION,
    PAGE_FLAGS,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MASK,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
)
from mappedram.layout.declare import Valid, ValidIn, record
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

XbzrlePage = record(
    "xbzrle_page",
    encoding=Valid(Int8ub, lambda value: value == ENCODING_FLAG_XBZRLE),
    xh_len=Int16ub,
    encoded=Bytes(this.xh_len),
)


def compressed_max(page_size: int) -> int:
    """The longest zlib stream that a page of `page_size` bytes may take, in bytes.

    QEMU allows what `compressBound()` of its zlib says: some 0.03 % more than a page, or with
    zlib-ng, an eighth more.
    """
    return page_size + page_size // 8 + 64


def _flags(word: int, context: Any) -> int:
    """The flags of a record: the bits that belong to no address, at most ten."""
    return int(word & RAM_SAVE_FLAG_MASK & (context._params.len_page - 1))


def _is_record(word: int, context: Any) -> bool:
    flags = _flags(word, context)
    is_page = flags & ~RAM_SAVE_FLAG_CONTINUE in PAGE_FLAGS
    return is_page or flags == RAM_SAVE_FLAG_MULTIFD_FLUSH


def _flag(context: Any) -> int:
    """The flag of a record, without CONTINUE."""
    return _flags(context.addr_and_flags, context) & ~RAM_SAVE_FLAG_CONTINUE


def _is_compressed(context: Any) -> bool:
    return _flag(context) == RAM_SAVE_FLAG_COMPRESS_PAGE


def _has_idstr(context: Any) -> bool:
    return _flags(context.addr_and_flags, context) in PAGE_FLAGS


PageRecord = record(
    "page_record",
    addr_and_flags=ValidIn(Int64ub, _is_record),
    len_idstr=If(_has_idstr, Int8ub),
    idstr=If(_has_idstr, StringEncoded(Bytes(this.len_idstr), ENCODING)),
    fill=If(
        lambda context: _flag(context) == RAM_SAVE_FLAG_ZERO,
        Valid(Int8ub, lambda value: value == 0),
    ),
    page=If(
        lambda context: _flag(context) == RAM_SAVE_FLAG_PAGE,
        Bytes(this._params.len_page),
    ),
    xbzrle=If(lambda context: _flag(context) == RAM_SAVE_FLAG_XBZRLE, XbzrlePage.subcon),
    len_compressed=If(
        _is_compressed,
        ValidIn(
            Int32ub, lambda length, context: length <= compressed_max(context._params.len_page)
        ),
    ),
    compressed=If(_is_compressed, Bytes(this.len_compressed)),
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
