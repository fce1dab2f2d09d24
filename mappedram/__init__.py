"""Read, check and explain QEMU's mapped-ram snapshot files.

>>> import mappedram
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     memory = snapshot.block["pc.ram"][0x1000:0x1040]
>>> mappedram.check("guest.mapped-ram").verdict
'clean'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mappedram.api import Snapshot, open, physical  # noqa: A004 - reads as `mappedram.open`
from mappedram.errors import (
    BuildError,
    ChangedError,
    CheckFailedError,
    FormatError,
    MappedRamError,
    NotModelledError,
    OutOfRangeError,
    SnapshotChoiceError,
    TruncatedError,
    UnknownNameError,
    UnknownPagesError,
    UnknownRange,
    UnsupportedError,
)
from mappedram.io.opening import DiskImage, internal_snapshots
from mappedram.io.remote.address import RemoteName
from mappedram.stream.block import Block, PageRun
from mappedram.version import __version__

if TYPE_CHECKING:
    from mappedram.check import Finding, Report, check
    from mappedram.diff import Comparison, diff
    from mappedram.export.blocks import Extracted, extract
    from mappedram.export.convert import Converted, convert
    from mappedram.export.mapped_ram import OutputLayout
    from mappedram.guest.physical import PhysicalMemory
    from mappedram.io.qcow2 import InternalSnapshot
    from mappedram.repair import Repaired, repair
    from mappedram.stream.writer import BlockSpec, SnapshotWriter, create


#: Names that are loaded on first use, and their modules. Three are packages and functions at once:
#: see `mappedram.callable_module`.
_LAZY = {
    "BlockSpec": "stream.writer",
    "Comparison": "diff",
    "Converted": "export.convert",
    "Extracted": "export.blocks",
    "Finding": "check",
    "InternalSnapshot": "io.qcow2",
    "OutputLayout": "export.mapped_ram",
    "PhysicalMemory": "guest.physical",
    "Repaired": "repair",
    "Report": "check",
    "SnapshotWriter": "stream.writer",
    "check": "check",
    "convert": "export.convert",
    "create": "stream.writer",
    "diff": "diff",
    "extract": "export.blocks",
    "repair": "repair",
}

__all__ = [
    "Block",
    "BlockSpec",
    "BuildError",
    "ChangedError",
    "CheckFailedError",
    "Comparison",
    "Converted",
    "DiskImage",
    "Extracted",
    "Finding",
    "FormatError",
    "InternalSnapshot",
    "MappedRamError",
    "NotModelledError",
    "OutOfRangeError",
    "OutputLayout",
    "PageRun",
    "PhysicalMemory",
    "RemoteName",
    "Repaired",
    "Report",
    "Snapshot",
    "SnapshotChoiceError",
    "SnapshotWriter",
    "TruncatedError",
    "UnknownNameError",
    "UnknownPagesError",
    "UnknownRange",
    "UnsupportedError",
    "__version__",
    "check",
    "convert",
    "create",
    "diff",
    "extract",
    "internal_snapshots",
    "open",
    "physical",
    "repair",
]


if not TYPE_CHECKING:  # to a type checker, every name would be there

    def __getattr__(name: str) -> Any:
        """Load a name on first use."""
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"mappedram.{_LAZY[name]}")
        return module if name == _LAZY[name] else getattr(module, name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
