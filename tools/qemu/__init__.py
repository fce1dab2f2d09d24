"""Drive a real QEMU: make the fixtures with it, and load files into it.

Only the tests and the tools use this package. Running a QEMU for users of `mappedram` belongs in
`mappedram/qemu`.
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
