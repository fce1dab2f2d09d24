"""Read, check and explain QEMU's mapped-ram snapshot files.

>>> import mappedram
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     memory = snapshot.block["pc.ram"].read(0x1000, 64)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mappedram.api import Snapshot, open  # noqa: A004 - reads as `mappedram.open`
from mappedram.errors import (
    BuildError,
    CheckFailedError,
    FormatError,
    MappedRamError,
    NotModelledError,
    OutOfRangeError,
    TruncatedError,
    UnknownNameError,
    UnknownPagesError,
    UnknownRange,
    UnsupportedError,
)
from mappedram.stream.snapshot import Block, PageRun
from mappedram.version import __version__

if TYPE_CHECKING:
    from mappedram.stream.writer import BlockSpec, SnapshotWriter, create


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
    "OutOfRangeError",
    "PageRun",
    "Snapshot",
    "SnapshotWriter",
    "TruncatedError",
    "UnknownNameError",
    "UnknownPagesError",
    "UnknownRange",
    "UnsupportedError",
    "__version__",
    "create",
    "open",
]


if not TYPE_CHECKING:  # to a type checker, every name would be there

    def __getattr__(name: str) -> Any:
        """Names of the writer."""
        if name in _LAZY:
            return getattr(import_module("mappedram.stream.writer"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is here, and what is loaded when it is asked for."""
    return sorted({*globals(), *_LAZY})
