"""Read, check and explain QEMU's mapped-ram snapshot files.

>>> import mappedram
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     memory = snapshot.block["pc.ram"].read(0x1000, 64)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mappedram.errors import (
    BuildError,
    CheckFailedError,
    FormatError,
    MappedRamError,
    NotModelledError,
    TruncatedError,
    UnknownPagesError,
    UnknownRange,
    UnsupportedError,
)
from mappedram.snapshot import Block, Snapshot
from mappedram.snapshot import open_snapshot as open  # noqa: A004 - reads as `mappedram.open`

if TYPE_CHECKING:
    from mappedram.writer import BlockSpec, SnapshotWriter, create

__version__ = "0.1.0"

#: What only writers need, loaded when it is asked for.
_LAZY = {"BlockSpec", "SnapshotWriter", "create"}

__all__ = [
    "Block",
    "BlockSpec",
    "BuildError",
    "CheckFailedError",
    "FormatError",
    "MappedRamError",
    "NotModelledError",
    "Snapshot",
    "SnapshotWriter",
    "TruncatedError",
    "UnknownPagesError",
    "UnknownRange",
    "UnsupportedError",
    "create",
    "open",
]


if not TYPE_CHECKING:  # to a type checker, every name would be there

    def __getattr__(name: str) -> Any:
        """Names of the writer."""
        if name in _LAZY:
            return getattr(import_module("mappedram.writer"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is here, and what is loaded when it is asked for."""
    return sorted({*globals(), *_LAZY})
