"""drgn: the kernel's version and symbols from guest memory, and processes with debug info."""

import json
import sys

import pytest

from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import ROOT, banner, module, python, run
from tools.linux.initrd import PROCESSES

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", ["q35", "q35-high", "pc"])
def test_reads_the_kernel_without_debug_information(
    guests: Guests, export: Export, name: str
) -> None:
    module("drgn")
    guest = guests(name)
    seen = json.loads(python("drgn_reads.py", export("elf", guest.mapped_ram)))
    assert seen["machine"] == "X86_64"
    assert seen["release"] == guest.kernel
    assert seen["banner"] == banner(guest)
    assert seen["symbols"] > 50_000


@pytest.mark.parametrize("name", ["q35", "q35-high"])
def test_lists_processes_with_debug_information(guests: Guests, export: Export, name: str) -> None:
    module("drgn")
    guest = guests(name)
    if guest.debug_info is None:
        pytest.skip(f"no vmlinux of {guest.kernel}: run tools/linux/fetch --debug-info FOLDER")
    core = export("elf", guest.mapped_ram)
    tasks = json.loads(python("drgn_reads.py", core, guest.debug_info))["tasks"]
    assert tasks["init"] == 1
    assert set(PROCESSES) <= set(tasks)


def test_refuses_what_qemu_dumps_without_the_device(guests: Guests) -> None:
    """Our export adds VMCOREINFO: without the device, QEMU leaves it out."""
    module("drgn")
    script = ROOT / "tests/export/consumers/drgn_reads.py"
    done = run(sys.executable, script, guests("q35").dump)
    assert done.returncode != 0
    assert "unrecognized QEMU memory dump" in done.stderr
