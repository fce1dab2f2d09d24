"""Start one program and report its costs: `launcher.py FD PROGRAM [ARGUMENT...]`.

Linux counts the memory of the parent process as that of the program, until the program has more of
its own. So the parent is this process, which has almost none. It writes to descriptor FD: wait
status, seconds, kibibytes.
"""

import os
import sys
import time


def main() -> None:
    """Run the program, and report."""
    report, *command = sys.argv[1:]
    os.set_inheritable(int(report), False)
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    os.write(int(report), f"{status} {seconds} {usage.ru_maxrss}".encode())


if __name__ == "__main__":
    main()
