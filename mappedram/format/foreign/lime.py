"""Header of each range of a LiME file. Source: LiME src/lime.h, lime_mem_range_header."""

from construct import Const, Int32ul, Int64ul, Struct

LIME_MAGIC = 0x4C694D45
LIME_VERSION = 1
LIME_HEADER_SIZE = 32

LimeHeader = Struct(
    "magic" / Const(LIME_MAGIC, Int32ul),
    "version" / Const(LIME_VERSION, Int32ul),
    "s_addr" / Int64ul,
    "e_addr" / Int64ul,  # the last byte of the range, inclusive
    "reserved" / Const(0, Int64ul),
)
