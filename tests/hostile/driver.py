"""Run verbs on one file, in one process: `python driver.py FILE FOLDER VERB...`.

Prints the costs of each as JSON. Python and the libraries are loaded once for all of them.
"""

import contextlib
import json
import resource
import sys
from pathlib import Path
from typing import Any

from mappedram.cli.main import main

#: More than any verb may use; larger requests fail instead of exhausting the machine.
ADDRESS_SPACE = 4 << 30
#: Seconds that the additions below take on the processor of the promise.
NOMINAL_SECONDS = 0.12


#: Forms that `convert` writes, by the name of the pseudo-verb.
FORMS = {"convert": "stream", "elf": "elf", "lime": "lime"}


def arguments(verb: str, file: str, folder: Path) -> list[str]:
    """Arguments after the name of the command."""
    if verb in FORMS:
        return ["convert", "-O", FORMS[verb], file, str(folder / verb)]
    others = {"diff": [file], "extract": ["--directory", str(folder / "extracted")]}
    return [verb, *others.get(verb, []), file]


def slowness() -> float:
    """Ratio of the current to the nominal time of this processor; other work slows it down."""
    before, total = cpu_seconds(), 0
    for number in range(2_000_000):
        total += number
    return max(1.0, (cpu_seconds() - before) / NOMINAL_SECONDS)


def cpu_seconds() -> float:
    """CPU time of this process and the children that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def resident_max() -> int:
    """Peak memory of this process; `ru_maxrss` begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def run(verb: str, file: str, folder: Path) -> dict[str, Any]:
    """Run one verb; its output goes to files in `folder`."""
    before = cpu_seconds()
    with (
        (folder / f"{verb}.out").open("w", encoding="utf-8", errors="surrogateescape") as out,
        (folder / f"{verb}.err").open("w", encoding="utf-8", errors="surrogateescape") as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(arguments(verb, file, folder))
    return {"status": status, "seconds": cpu_seconds() - before, "resident": resident_max()}


if __name__ == "__main__":
    path, directory, *verbs = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    slow = slowness()
    done = {verb: run(verb, path, Path(directory)) for verb in verbs}
    print(json.dumps({"slowness": max(slow, slowness()), "verbs": done}))
