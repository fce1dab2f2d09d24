"""The RAM section: its records, the block header and the mapped-ram header."""

from functools import cache
from typing import Any

from construct import (
    Bytes,
    ConstructError,
    If,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    StringEncoded,
    this,
)

from mappedram.format import structures
from mappedram.format._spec import TYPES
from mappedram.format.constants import (
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
    RAM_SAVE_FLAGS,
    TARGET_PAGE_SIZE_MAX,
    TARGET_PAGE_SIZE_MIN,
)
from mappedram.format.declare import Valid, beginning, record
from mappedram.format.judged import FieldRule, Severity, judged
from mappedram.format.stream import ENCODING
from mappedram.format.typed import Params
from mappedram.format.validity import (
    AtLeast,
    AtMost,
    ByParams,
    Equals,
    Harmless,
    Masked,
    MoreThan,
    MultipleOf,
    PowerOfTwo,
    hexadecimal,
)

#: Valid sizes of a target page in bytes. A header with 0 crashes QEMU up to 11.0.
PAGE_SIZE = PowerOfTwo(TARGET_PAGE_SIZE_MIN, TARGET_PAGE_SIZE_MAX)

MemSize = record(
    "mem_size",
    total_and_flags=Valid(
        Int64ub, Masked(RAM_SAVE_FLAG_MASK, (RAM_SAVE_FLAG_MEM_SIZE,), names=RAM_SAVE_FLAGS)
    ),
)

EndOfSection = record(
    "end_of_section",
    flags=judged(
        Valid(
            Int64ub,
            Masked(
                RAM_SAVE_FLAG_MASK, (RAM_SAVE_FLAG_EOS,), RAM_SAVE_FLAG_CONTINUE, RAM_SAVE_FLAGS
            ),
        ),
        FieldRule("MR105", Equals(RAM_SAVE_FLAG_EOS), Severity.WARNING, "5.5.3", shown=hexadecimal),
    ),
)

XbzrlePage = record(
    "xbzrle_page",
    encoding=Valid(Int8ub, Equals(ENCODING_FLAG_XBZRLE)),
    xh_len=Int16ub,
    encoded=Bytes(this.xh_len),
)


def compressed_max(page_size: int) -> int:
    """Longest zlib stream that a loader accepts for a page of `page_size` bytes, in bytes.

    QEMU takes the limit from `compressBound()` of its zlib: some 0.03 % more than a page, or an
    eighth more with zlib-ng.
    """
    return page_size + page_size // 8 + 64


def _flags(word: int, context: Any) -> int:
    """Flags of a record: the bits below the page size, at most ten."""
    return int(word & RAM_SAVE_FLAG_MASK & (context._params.len_page - 1))


def _records(params: Params) -> Masked:
    """Valid flags of a page record or MULTIFD_FLUSH."""
    with_continue = tuple(flag | RAM_SAVE_FLAG_CONTINUE for flag in PAGE_FLAGS)
    return Masked(
        RAM_SAVE_FLAG_MASK & (params["len_page"] - 1),
        (*PAGE_FLAGS, *with_continue, RAM_SAVE_FLAG_MULTIFD_FLUSH),
        names=RAM_SAVE_FLAGS,
    )


def _compressed(params: Params) -> AtMost:
    return AtMost(compressed_max(params["len_page"]))


def _flag(context: Any) -> int:
    """Flags of a record without CONTINUE."""
    return _flags(context.addr_and_flags, context) & ~RAM_SAVE_FLAG_CONTINUE


def _is_compressed(context: Any) -> bool:
    return _flag(context) == RAM_SAVE_FLAG_COMPRESS_PAGE


def _has_idstr(context: Any) -> bool:
    return _flags(context.addr_and_flags, context) in PAGE_FLAGS


PageRecord = record(
    "page_record",
    addr_and_flags=Valid(
        Int64ub,
        ByParams(
            _records,
            "ZERO, PAGE, XBZRLE or COMPRESS_PAGE, with CONTINUE or without, or MULTIFD_FLUSH",
        ),
    ),
    len_idstr=If(_has_idstr, Int8ub),
    idstr=If(_has_idstr, StringEncoded(Bytes(this.len_idstr), ENCODING)),
    fill=If(
        lambda context: _flag(context) == RAM_SAVE_FLAG_ZERO,
        Valid(Int8ub, Equals(0)),
    ),
    page=If(
        lambda context: _flag(context) == RAM_SAVE_FLAG_PAGE,
        Bytes(this._params.len_page),
    ),
    xbzrle=If(lambda context: _flag(context) == RAM_SAVE_FLAG_XBZRLE, XbzrlePage.subcon),
    len_compressed=If(
        _is_compressed,
        Valid(
            Int32ub,
            ByParams(_compressed, "at most the size of a page, an eighth of that, and 64"),
        ),
    ),
    compressed=If(_is_compressed, Bytes(this.len_compressed)),
)


@cache  # a page can have only a few sizes
def _pages_of(page_size: int) -> MultipleOf:
    return MultipleOf(page_size)


def _pages(header: structures.MappedRamHeader) -> MultipleOf:
    return _pages_of(header["page_size"])


MappedRamHeader = record(
    "mapped_ram_header",
    version=judged(
        Valid(Int32ub, AtMost(MAPPED_RAM_HDR_VERSION)),
        FieldRule("MR206", Equals(MAPPED_RAM_HDR_VERSION), Severity.WARNING, "6.1.4"),
    ),
    page_size=judged(
        Int64ub, FieldRule("MR204", PAGE_SIZE, Severity.ERROR, "6.1.5", shown=hexadecimal)
    ),
    bitmap_offset=judged(
        Int64ub,
        FieldRule("MR208", MoreThan(0), Severity.ERROR, "6.3.6", {"pages_offset": MoreThan(0)}),
        FieldRule("MR209", MoreThan(0), Severity.INFO, "6.3.5", {"pages_offset": Equals(0)}),
    ),
    pages_offset=judged(
        Int64ub,
        FieldRule("MR201", _pages, Severity.ERROR, "6.2.10", {"page_size": PAGE_SIZE}, hexadecimal),
        FieldRule("MR208", MoreThan(0), Severity.ERROR, "6.3.6", {"bitmap_offset": MoreThan(0)}),
    ),
)


def _pages_of_block(block: structures.RamBlockHeader) -> MultipleOf | None:
    header = block["mapped_ram"]
    return _pages_of(header["page_size"]) if header else None


RamBlockHeader = record(
    "ramblock_header",
    len_idstr=Valid(Int8ub, AtLeast(1)),
    idstr=judged(
        StringEncoded(Bytes(this.len_idstr), ENCODING),
        FieldRule("MR109", Harmless(), Severity.WARNING, "5.3.12"),
    ),
    used_length=judged(
        Int64ub,
        FieldRule(
            "MR104",
            _pages_of_block,
            Severity.ERROR,
            "7.1.5",
            {"mapped_ram/page_size": PAGE_SIZE},
            hexadecimal,
        ),
    ),
    page_size=If(this._params.has_page_size, Int64ub),
    addr=If(this._params.has_addr, Int64ub),
    mapped_ram=If(this._params.has_mapped_ram, MappedRamHeader.subcon),
)


#: What the stream says of the list that a block stands in, where it says nothing.
_UNSAID: Params = dict.fromkeys(TYPES["ramblock_header"].params, False)
#: What a mapped-ram header begins with, by which it is told from other bytes.
_BEGINNING = beginning(MappedRamHeader, "page_size")


def mapped_ram_header_size(params: Params) -> int:
    """Bytes of the mapped-ram header of a block, as the stream says in `params`."""
    return int(MappedRamHeader.sizeof(**{**_UNSAID, **params}))


def mapped_ram_beginning_size(params: Params) -> int:
    """Bytes of such a header that `is_mapped_ram_beginning` looks at."""
    return int(_BEGINNING.sizeof(**{**_UNSAID, **params}))


def is_mapped_ram_beginning(data: bytes, params: Params) -> bool:
    """Whether a mapped-ram header can begin with `data`, by its version and page size."""
    try:
        found = _BEGINNING.parse(data, **{**_UNSAID, **params})
    except ConstructError:
        return False
    return PAGE_SIZE.accepts(found.page_size)


def used_length_end(len_idstr: int) -> int:
    """Bytes of the block header up to and including `used_length`."""
    return int(Int8ub.sizeof() + len_idstr + Int64ub.sizeof())
