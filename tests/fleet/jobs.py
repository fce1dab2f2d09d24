"""A job that misbehaves as the name of the file says, for the processes of the tests."""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import Cell, Entry


def _grow() -> None:
    kept = []
    while True:
        kept.append(bytearray(32 << 20))


_DEEDS: dict[str, Callable[[], object]] = {
    "hang": lambda: time.sleep(3600),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "worker": lambda: os.kill(os.getppid(), signal.SIGKILL),  # of the cluster
    "exit": lambda: os._exit(3),
    "leave": lambda: sys.exit(3),
    "exhaust": _grow,
    "bug": lambda: 1 // 0,
    "missing": lambda: os.stat("/nonexistent"),
    "slow": lambda: time.sleep(0.05),
}


@dataclass(frozen=True)
class Misbehaving:
    """Does what the last part of the name says; `crash-once` only if a file is still there."""

    label: str = "misbehave"

    def __call__(self, file: FleetFile) -> Entry:
        deed = os.path.basename(file.name).rpartition(".")[2]
        if deed == "once" and os.path.exists(file.place):
            os.unlink(file.place)
            os.kill(os.getpid(), signal.SIGKILL)
        if deed in _DEEDS:
            _DEEDS[deed]()
        seen = {"process": os.getpid(), "frozen": gc.get_freeze_count()}
        return {"file": file.name, "error": None, "status": 0, **seen}

    def without_result(self, file: FleetFile, message: str) -> Entry:
        return {"file": file.name, "error": message}

    def counts(self, entry: Mapping[str, Any]) -> tuple[Cell, ...]:
        return (("verdict", "error" if entry["error"] else "clean", "files"),)
