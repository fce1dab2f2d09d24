"""Measure how often QEMU crashes when a save with multifd is cancelled, for E-054.

python -m tools.qemu.cancelling --rounds 60 [--newer]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mappedram.qemu.capture.cancel import cancel
from mappedram.qemu.capture.monitor import Monitor
from tools.qemu.firmware import FIRMWARE
from tools.qemu.machine import NEWER, Machine, QemuDiedError, find

#: Ways to cancel: capabilities, and whether the threads are brought to rest first.
WAYS = {
    "without multifd": (("mapped-ram",), False),
    "multifd": (("mapped-ram", "multifd"), False),
    "multifd, brought to rest": (("mapped-ram", "multifd"), True),
}


class _Through(Monitor):
    """The monitor of a machine, for code that expects a monitor of its own."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def execute(self, command: str, **arguments: object) -> Any:
        future = asyncio.get_running_loop().run_in_executor(
            None, lambda: self._machine.qmp(command, **arguments)
        )
        return await future


def cancelled(binary: Path, folder: Path, capabilities: tuple[str, ...], *, rest: bool) -> str:
    """Cancel a save of 2 GiB in its first tenth of a second, and return the result."""
    firmware = folder / "churn.bin"
    firmware.write_bytes(FIRMWARE["churn.bin"])
    args = ["-accel", "tcg", "-machine", "pc", "-vga", "none", "-m", "2G", "-bios", str(firmware)]
    with Machine(binary, args) as machine:
        machine.qmp("cont")
        parameters = {"zero-page-detection": "none", "max-bandwidth": 0, "multifd-channels": 2}
        machine.start_save(folder / "out", capabilities=capabilities, parameters=parameters)
        time.sleep(random.uniform(0.02, 0.12))
        try:
            asyncio.run(cancel(_Through(machine), threads=rest))
            return str(machine.migration()["status"])
        except QemuDiedError as error:
            return f"died ({error.returncode})"


def main() -> None:
    """Print the results of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--newer", action="store_true", help="the QEMU of install-newer")
    options = parser.parse_args()
    binary = find(beside=NEWER if options.newer else None)
    if binary is None:
        parser.error("there is no such QEMU")
    for way, (capabilities, rest) in WAYS.items():
        ends: Counter[str] = Counter()
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                ends[cancelled(binary, Path(folder), capabilities, rest=rest)] += 1
        print(f"{way}: {', '.join(f'{end} {count}' for end, count in ends.items())}", flush=True)


if __name__ == "__main__":
    main()
