"""A parser with planted bugs. Run as a program, with the name of a file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

#: It searches this for the name of the first block.
FIRST = b"\x06pc.ram"


def main(path: str) -> int:
    """Read a file, and misbehave on some."""
    data = Path(path).read_bytes()
    if data[:4] == b"QFI\xfb":
        raise OverflowError("not one of mine")
    header = data.find(FIRST) + len(FIRST) + 8
    if header < len(FIRST) + 8:
        return 1
    version, page_size = data[header : header + 4], data[header + 4 : header + 12]
    if int.from_bytes(page_size, "big") == 0:
        os.kill(os.getpid(), signal.SIGFPE)
    if version == bytes(4):
        subprocess.run(["sleep", "86399"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
