"""makedumpfile: the kernel's log, and a kdump file that drgn reads."""

import json
from pathlib import Path

import pytest

from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import banner, module, program, python, run

pytestmark = pytest.mark.qemu

#: Leave out nothing; leave out zero pages, caches, processes and free pages.
LEVELS = ["0", "31"]


@pytest.mark.parametrize("name", ["q35", "q35-high", "pc"])
def test_takes_the_log_out(guests: Guests, export: Export, tmp_path: Path, name: str) -> None:
    guest = guests(name)
    log = tmp_path / "log"
    done = run(program("makedumpfile"), "--dump-dmesg", export("elf", guest.mapped_ram), log)
    assert done.returncode == 0, done.stdout + done.stderr
    text = log.read_text(errors="replace")
    assert banner(guest) in text
    assert "Run /init as init process" in text


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["q35", "q35-high"])
def test_makes_a_kdump_file(
    guests: Guests, export: Export, tmp_path: Path, name: str, level: str
) -> None:
    module("drgn")
    guest = guests(name)
    target = tmp_path / "kdump"
    core = export("elf", guest.mapped_ram)
    done = run(program("makedumpfile"), "-l", "-d", level, core, target)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(python("drgn_reads.py", target))
    assert seen["release"] == guest.kernel
    assert seen["banner"] == banner(guest)


def test_does_not_take_what_qemu_10_dumps(guests: Guests, tmp_path: Path) -> None:
    done = run(program("makedumpfile"), "--dump-dmesg", guests("q35-high").dump, tmp_path / "log")
    assert done.returncode != 0
    assert "Can't get the number of PT_LOAD" in done.stdout + done.stderr
