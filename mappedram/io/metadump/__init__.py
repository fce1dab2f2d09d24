"""Read a metadump as if it were the original file.

Only its container belongs here: directory, tables and digests. Choosing what to keep belongs in
`export/metadump`.
"""

from mappedram.io.metadump.file import (
    DIRECTORY_MAX,
    HEADER_SIZE,
    NUMBERS_MAX,
    TABLES,
    Packed,
)
from mappedram.io.metadump.layer import CHUNK_SIZE, MARK

__all__ = [
    "CHUNK_SIZE",
    "DIRECTORY_MAX",
    "HEADER_SIZE",
    "MARK",
    "NUMBERS_MAX",
    "TABLES",
    "Packed",
]
