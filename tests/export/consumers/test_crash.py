"""crash: the release without debug information, and a session with it."""

import subprocess
from pathlib import Path

import pytest

from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import TIMEOUT, banner, program, run

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", ["q35", "q35-high", "pc"])
def test_tells_the_release(guests: Guests, export: Export, name: str) -> None:
    guest = guests(name)
    done = run(program("crash"), "--osrelease", export("elf", guest.mapped_ram))
    assert done.stdout.strip() == guest.kernel


def test_does_not_know_it_of_what_qemu_dumps_without_the_device(guests: Guests) -> None:
    done = run(program("crash"), "--osrelease", guests("q35").dump)
    assert done.stdout.strip() == "unknown"


def session(core: Path, vmlinux: Path) -> str | None:
    """Output of crash about the guest, without the name of the core; None without a session."""
    done = subprocess.run(
        [program("crash"), "-s", vmlinux, core],
        input="sys\nps\nmount\nmod\nlog\nquit\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    return done.stdout.replace(str(core), "CORE") if done.returncode == 0 else None


def test_a_session_with_debug_information(guests: Guests, export: Export) -> None:
    """The same as with QEMU's dump, if that has VMCOREINFO, as it has here."""
    guest = guests("q35-high")
    if guest.debug_info is None:
        pytest.skip(f"no vmlinux of {guest.kernel}: run tools/linux/fetch --debug-info FOLDER")
    expected = session(guest.dump, guest.debug_info)
    if expected is None:
        pytest.skip(f"this crash does not know {guest.kernel}, whatever wrote the core")
    seen = session(export("elf", guest.mapped_ram), guest.debug_info)
    assert seen == expected
    assert "[swapper/0]" in seen
    assert "qemu_fw_cfg" in seen
    assert banner(guest) in seen
