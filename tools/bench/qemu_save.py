"""Save a raw RAM file with a real QEMU, and print the seconds that the migration took.

Usage: python -m tools.bench.qemu_save RAM SIZE OUT
"""

import sys
from pathlib import Path

from tools.qemu import Machine, find


def main(ram: str, size: str, out: str) -> None:
    """Start QEMU with the RAM file, save it on two channels, print QEMU's measurement."""
    binary = find()
    assert binary is not None
    backend = f"memory-backend-file,id=ram,size={size},share=off,mem-path={ram}"
    arguments = ["-machine", "none,memory-backend=ram", "-m", f"{size}B", "-object", backend]
    with Machine(binary, arguments) as machine:
        machine.save(
            Path(out),
            capabilities=("mapped-ram", "multifd"),
            parameters={"multifd-channels": 2, "max-bandwidth": 0},
            timeout=300,
        )
        print(machine.migration()["total-time"] / 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
