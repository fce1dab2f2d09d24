"""Run the command and interrupt it: `python -m tests.interrupted NUMBER FOLDER ARGUMENT...`.

The process looks into FOLDER at each call of a Python function. It sends itself the signal once a
file there has bytes. A test that watches from outside would be too late on a busy machine.
"""

import os
import signal
import sys
from typing import Any

from mappedram.cli.main import main


def interrupt(number: int, folder: str) -> None:
    """Send this process the signal once a file in `folder` is not empty."""

    def look(_frame: object, _event: str, _argument: Any) -> None:
        if any(entry.is_file() and entry.stat().st_size for entry in os.scandir(folder)):
            sys.setprofile(None)
            signal.raise_signal(number)

    sys.setprofile(look)


if __name__ == "__main__":
    interrupt(int(sys.argv[1]), sys.argv[2])
    status = main(sys.argv[3:])
    if sys.getprofile():
        sys.exit(f"nothing was written to {sys.argv[2]}")
    sys.exit(status)
