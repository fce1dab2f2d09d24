"""crash: the release without debug information, and a session with it."""

import subprocess

import pytest

from tests.consumers.conftest import Export, Guests
from tests.consumers.programs import TIMEOUT, program, run
from tools.linux.initrd import PROCESSES

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", ["q35", "q35-high", "pc"])
def test_tells_the_release(guests: Guests, export: Export, name: str) -> None:
    guest = guests(name)
    done = run(program("crash"), "--osrelease", export("elf", guest.mapped_ram))
    assert done.stdout.strip() == guest.kernel


def test_does_not_know_it_of_what_qemu_dumps_without_the_device(guests: Guests) -> None:
    done = run(program("crash"), "--osrelease", guests("q35").dump)
    assert done.stdout.strip() == "unknown"


def test_lists_processes_with_debug_information(guests: Guests, export: Export) -> None:
    guest = guests("q35")
    if guest.debug_info is None:
        pytest.skip(f"no vmlinux of {guest.kernel}: run tools/linux/fetch --debug-info FOLDER")
    done = subprocess.run(
        [program("crash"), "-s", guest.debug_info, export("elf", guest.mapped_ram)],
        input="ps\nquit\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    listed = {line.split()[-1] for line in done.stdout.splitlines() if line.strip()}
    assert set(PROCESSES) <= listed
