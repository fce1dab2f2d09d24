"""`python drgn_reads.py CORE [VMLINUX]`: print what drgn reads from a core, as JSON.

The tests run it.
"""

import json
import sys
from typing import Any

import drgn
from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms
from drgn.helpers.linux.pid import for_each_task


def main(core: str, vmlinux: str | None = None) -> dict[str, Any]:
    """Print what is visible without debug information, and with it the processes."""
    prog = drgn.Program()
    prog.set_core_dump(core)
    seen: dict[str, Any] = {
        "machine": prog.platform.arch.name,
        "release": prog["UTS_RELEASE"].string_().decode(),
    }
    # The kernel's own table of symbols, in guest memory.
    prog.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(prog), enable_index=0)
    seen["symbols"] = len(prog.symbols())
    address = prog.symbol("linux_banner").address
    seen["banner"] = prog.read_c_string(address).decode().strip()
    if vmlinux is not None:
        prog.load_debug_info([vmlinux])
        # Of several with one name, the first: a process has its parent's name until it runs
        # another.
        tasks: dict[str, int] = {}
        for task in for_each_task(prog):
            pid = task.pid.value_()
            name = task.comm.string_().decode()
            tasks[name] = min(pid, tasks.get(name, pid))
        seen["tasks"] = tasks
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
