"""gdb: a thread for each CPU, with its registers, and memory by physical address."""

import re
from pathlib import Path

import pytest

from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import addresses, banner, program, registers, run

pytestmark = pytest.mark.qemu

REGISTER = re.compile(r"^(\w+) +0x([0-9a-f]+)", re.MULTILINE)


def gdb(core: Path, *commands: str) -> str:
    """Output of gdb."""
    arguments = [word for command in commands for word in ("-ex", command)]
    done = run(program("gdb"), "-nx", "-q", "-batch", *arguments, "-c", core)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["q35", "q35-high", "pc"])
def test_shows_the_registers_of_all_cpus(guests: Guests, export: Export, name: str) -> None:
    guest = guests(name)
    expected = registers(guest.registers)
    for cpu in expected:
        del cpu["cr3"]  # gdb does not have it
    names = " ".join(expected[0])
    # The default list of registers lacks fs_base and gs_base.
    text = gdb(
        export("elf", guest.mapped_ram), f"thread apply all -ascending info registers {names}"
    )
    shown = [
        {name: int(value, 16) for name, value in REGISTER.findall(part)}
        for part in re.split(r"^Thread \d+", text, flags=re.MULTILINE)[1:]
    ]
    assert len(expected) == (1 if name == "pc" else 2)
    assert {"rip", "rsp", "r15", "eflags", "cs", "fs_base", "gs_base"} <= set(expected[0])
    assert shown == expected


@pytest.mark.parametrize("name", ["q35", "q35-high"])
def test_reads_memory_by_physical_address(guests: Guests, export: Export, name: str) -> None:
    guest = guests(name)
    text = banner(guest)
    place = addresses(guest.dump, text.encode())[0]
    shown = gdb(export("elf", guest.mapped_ram), "set print elements 0", f"x/s {place:#x}")
    assert text in shown
