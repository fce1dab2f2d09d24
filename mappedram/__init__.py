"""Read, check and explain QEMU's mapped-ram snapshot files.

>>> import mappedram
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     memory = snapshot.block["pc.ram"].read(0x1000, 64)
"""

from mappedram.errors import (
    BuildError,
    CheckFailedError,
    FormatError,
    MappedRamError,
    TruncatedError,
    UnsupportedError,
)
from mappedram.snapshot import Block, Snapshot
from mappedram.snapshot import open_snapshot as open  # noqa: A004 - reads as `mappedram.open`

__version__ = "0.1.0"

__all__ = [
    "Block",
    "BuildError",
    "CheckFailedError",
    "FormatError",
    "MappedRamError",
    "Snapshot",
    "TruncatedError",
    "UnsupportedError",
    "open",
]
