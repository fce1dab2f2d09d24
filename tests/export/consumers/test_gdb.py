"""gdb: a thread for each CPU, with its registers, and memory by physical address."""

import re
from pathlib import Path

import pytest

from mappedram.export.convert import convert
from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import addresses, banner, program, registers, run
from tests.export.targets import TARGETS, stopped_target

pytestmark = pytest.mark.qemu

REGISTER = re.compile(r"^(\w+) +0x([0-9a-f]+)", re.MULTILINE)


#: A register of the program of each target, as gdb names it, and its value.
REGISTERS = {
    "aarch64": ("x30", 0xC01E00000000201E),
    "aarch64-in-aarch32-0x13": ("x14", 0x1F000),
    "arm": ("sp", 0xAD0DF0A0),
    "arm-big": ("r12", 0xAC0CF0A0),
    "ppc64": ("ctr", 0xE0FE2345),
    "ppc64-little": ("lr", 0xE0FE1234),
    "riscv32": ("t6", 0x71F00021),
    "riscv64": ("t6", 0x00071F0000000021),
    "s390x": ("r15", 0xE0F00FEFE0F10FEF),
}


def gdb(core: Path, *commands: str, name: str = "gdb") -> str:
    """Output of gdb."""
    arguments = [word for command in commands for word in ("-ex", command)]
    done = run(program(name), "-nx", "-q", "-batch", *arguments, "-c", core)
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


@pytest.mark.parametrize("name", REGISTERS)
def test_opens_the_cores_of_other_targets(tmp_path: Path, name: str) -> None:
    """With a thread for each CPU, and the guest's byte order."""
    register, value = REGISTERS[name]
    target, path = TARGETS[name], tmp_path / "guest"
    with stopped_target(target, tmp_path) as machine:
        machine.save(path)
    convert(path, tmp_path / "core", "elf")
    commands = (f"p/x ${register}", f"info registers {register}", "info threads")
    shown = gdb(tmp_path / "core", *commands, name="gdb-multiarch")
    assert f"{value:#x}" in shown
    assert len(re.findall(r"\bLWP \d+ +0x", shown)) == target.cpus
