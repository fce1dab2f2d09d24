"""Packed files: a file of which only some bytes were kept, read as if it were the file itself."""

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
