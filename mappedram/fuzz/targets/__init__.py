"""Programs to try files on: a command, a QEMU, or our own readers.

A target runs on one file and reports what it observed. Choosing files belongs in `fuzz/cases`, and
distinguishing failures in `fuzz/report`.
"""

from mappedram.fuzz.targets.base import FAILURES, FuzzTarget, Limit, Observation, Worker
from mappedram.fuzz.targets.command import CommandTarget
from mappedram.fuzz.targets.own import OwnTarget
from mappedram.fuzz.targets.qemu import QemuTarget

__all__ = [
    "FAILURES",
    "CommandTarget",
    "FuzzTarget",
    "Limit",
    "Observation",
    "OwnTarget",
    "QemuTarget",
    "Worker",
]
