"""The printed commands, executed: QEMU loads the file, and the guest has the file's memory."""

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.guest.restore import LoadOptions, hint
from tests.cli.conftest import process
from tests.conftest import Fixtures
from tests.qemu.test_fresh import binary, loader_of
from tools.qemu import Machine

MIB = 1 << 20
#: By fixture: options that the file does not determine, and the places of blocks: name, first byte
#: within the block, guest-physical address, length.
CASES: dict[str, tuple[str, list[tuple[str, int, int, int]]]] = {
    "pc": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "q35": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "offset-unaligned": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "memory-backend": ("", [("m0", MIB, MIB, 15 * MIB)]),
    "numa2": ("", [("node0", MIB, MIB, 15 * MIB), ("node1", 0, 16 * MIB, 16 * MIB)]),
    "uuid": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "no-footers": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "no-footers-no-vmdesc": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "plain": ("", []),
    "virtio-mem": ("", [("pc.ram", MIB, MIB, 15 * MIB)]),
    "microvm": ("-machine x-option-roms=off", [("microvm.ram", MIB, MIB, 15 * MIB)]),
    "none": ("", [("ram", 0, 0, 16 * MIB)]),
    "aarch64-virt": ("", [("mach-virt.ram", 0, 0x40000000, 16 * MIB)]),
    "arm-1k": ("", []),
    "riscv64-virt": ("-bios none", [("riscv_virt_board.ram", 0, 0x80000000, 16 * MIB)]),
}


@pytest.mark.qemu
@pytest.mark.parametrize(
    "loading", [LoadOptions(), LoadOptions(2, direct_io=True)], ids=["plain", "multi"]
)
@pytest.mark.parametrize("name", CASES)
def test_commands_load(fixtures: Fixtures, tmp_path: Path, name: str, loading: LoadOptions) -> None:
    fixture = fixtures[name]
    more, seen = CASES[name]
    path = str(fixture.path)
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        told = hint(
            snapshot, path, replace(loading, contents=("--offset", str(fixture.offset), path))
        )
        expected = {
            idstr: snapshot.block[idstr].read(first, length) for idstr, first, _, length in seen
        }
    assert told.binary == f"qemu-system-{fixture.manifest['arch']}"
    for command in told.prepare:
        assert process(*command[1:], cwd=tmp_path).returncode == 0
    args = [*told.argv, "-accel", "tcg", *shlex.split(more)]
    with Machine(loader_of(name), args, folder=tmp_path) as machine:
        commands: Any = told.qmp
        for command in commands[1:]:  # the client has negotiated capabilities already
            machine.qmp(command["execute"], **command.get("arguments", {}))
        machine.wait_migrated()
        for idstr, _, gpa, length in seen:
            machine.pmemsave(gpa, length, tmp_path / "memory")
            assert (tmp_path / "memory").read_bytes() == expected[idstr], idstr


@pytest.mark.qemu
def test_text_for_people_is_what_runs(fixtures: Fixtures, tmp_path: Path) -> None:
    """The shell runs the printed command, and the monitor the lines below it."""
    binary("x86_64")
    fixture = fixtures["none"]
    done = process("restore-hint", fixture.path)
    lines = [text for text in done.stdout.splitlines() if not text.startswith("#")]
    shell = "\n".join(text for text in lines if not text.startswith("{"))
    commands = [text for text in lines if text.startswith("{")]
    commands.append('{"execute": "query-migrate"}')
    with subprocess.Popen(
        ["sh", "-c", f"exec {shell.strip()}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as qemu:
        try:
            assert qemu.stdin is not None
            assert qemu.stdout is not None
            for command in commands:
                qemu.stdin.write(f"{command}\n")
            qemu.stdin.flush()
            status = ""
            while status != "completed":
                answer: dict[str, Any] = json.loads(qemu.stdout.readline())
                assert "error" not in answer
                result = answer.get("return")
                if isinstance(result, dict) and "status" in result:
                    status = result["status"]
                    assert status in ("setup", "active", "completed")
                    qemu.stdin.write('{"execute": "query-migrate"}\n')
                    qemu.stdin.flush()
        finally:
            qemu.kill()
