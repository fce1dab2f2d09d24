"""Header of a metadump, this package's packed form of a file (docs/metadump.md)."""

from construct import Bytes, Int32ub, Int64ub, Padding, Struct

#: As in PNG, the magic reveals a copy that changed line ends or lost the high bits.
MAGIC = b"\x89MRMETADUMP\r\n\x1a\n\0"
VERSION = 1

MetadumpHeader = Struct(
    "magic" / Bytes(len(MAGIC)),
    "version" / Int32ub,
    "directory_offset" / Int64ub,
    "directory_length" / Int64ub,
    Padding(4),
)
