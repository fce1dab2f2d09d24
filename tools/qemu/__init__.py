"""Drive a real QEMU: make snapshot files with it, and load files into it.

Only the tests and the fixture maker use this package; `mappedram` itself never runs QEMU.
"""

from .machine import (
    CommandFailedError,
    Machine,
    MigrationFailedError,
    QemuDiedError,
    QemuError,
    QemuTimeoutError,
    find,
    version,
)

__all__ = [
    "CommandFailedError",
    "Machine",
    "MigrationFailedError",
    "QemuDiedError",
    "QemuError",
    "QemuTimeoutError",
    "find",
    "version",
]
