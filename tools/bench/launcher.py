"""Starts one program and says what it took: `launcher.py FD PROGRAM [ARGUMENT...]`.

Linux counts the memory of the process that starts a program as that of the program, until there is
more of its own. So a process starts it that has almost none. Written to descriptor FD: wait status,
seconds, kibibytes.
"""

import os
import sys
import time


def main() -> None:
    """Run it, and report."""
    report, *command = sys.argv[1:]
    os.set_inheritable(int(report), False)
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    os.write(int(report), f"{status} {seconds} {usage.ru_maxrss}".encode())


if __name__ == "__main__":
    main()
