"""Take snapshots of a real guest, and compare its state before and after."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mappedram
from mappedram.check import check
from mappedram.qemu.capture import capture
from mappedram.qemu.capture.preconditions import BAD_CAPABILITIES
from tests.cli.conftest import ROOT, Run
from tests.qemu.test_fresh import BY_NAME, binary
from tools.qemu import Machine
from tools.qemu.firmware import FIRMWARE
from tools.qemu.machine import version

MIB = 1 << 20


class Guest:
    """A QEMU with a monitor for the command, and one for the test."""

    def __init__(self, machine: Machine, address: Path) -> None:
        self.machine = machine
        self.address = address

    @property
    def running(self) -> bool:
        return bool(self.machine.qmp("query-status")["running"])

    def capabilities(self) -> dict[str, bool]:
        answer = self.machine.qmp("query-migrate-capabilities")
        return {entry["capability"]: entry["state"] for entry in answer}

    def parameters(self) -> Any:
        return self.machine.qmp("query-migrate-parameters")

    def turn_on(self, name: str) -> None:
        self.machine.qmp(
            "migrate-set-capabilities", capabilities=[{"capability": name, "state": True}]
        )


@contextmanager
def guest_of(folder: Path, memory: str = "16M") -> Iterator[Guest]:
    """A PC that keeps changing its memory, which is anonymous, as background-snapshot needs."""
    address, firmware = folder / "qmp", folder / "churn.bin"
    firmware.write_bytes(FIRMWARE["churn.bin"])
    args = ["-accel", "tcg", "-machine", "pc-i440fx-10.0", "-vga", "none", "-m", memory]
    args += ["-bios", str(firmware), "-qmp", f"unix:{address},server=on,wait=off"]
    with Machine(binary("x86_64"), args) as machine:
        yield Guest(machine, address)


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    with guest_of(tmp_path) as found:
        found.machine.qmp("cont")
        yield found


@pytest.mark.qemu
@pytest.mark.parametrize(
    "options",
    [(), ("--channels", 2), ("--channels", 2, "--direct-io"), ("--live",)],
    ids=["plain", "channels", "direct-io", "live"],
)
def test_capture(guest: Guest, tmp_path: Path, run: Run, options: tuple[object, ...]) -> None:
    before = guest.capabilities(), guest.parameters()
    out = tmp_path / "out"
    outcome = run("capture", "--qmp", guest.address, out, "--output", "json", *options)
    assert (outcome.status, outcome.err) == (0, "")
    document = outcome.json
    assert (document["verdict"], document["running"]) == ("clean", True)
    assert document["memory"] == 16 * MIB
    assert (document["downtime"] is not None) == ("--live" in options)
    assert guest.running
    assert (guest.capabilities(), guest.parameters()) == before
    assert check(out).verdict == "clean"
    assert not list(tmp_path.glob(".mappedram-*"))


@pytest.mark.qemu
def test_memory_is_that_of_the_guest(guest: Guest, tmp_path: Path, run: Run) -> None:
    """And QEMU loads it."""
    out = tmp_path / "out"
    outcome = run("capture", "--qmp", guest.address, "--keep-stopped", out)
    assert outcome.status == 0
    assert "the guest stands still; clean" in outcome.out
    assert not guest.running
    guest.machine.pmemsave(0, 16 * MIB, tmp_path / "memory")
    memory = np.fromfile(tmp_path / "memory", np.uint8).reshape(-1, 4096)
    with mappedram.open(out) as snapshot:
        stored = np.frombuffer(snapshot.block["pc.ram"].read(0, 16 * MIB), np.uint8)
    differing = np.flatnonzero((stored.reshape(-1, 4096) != memory).any(axis=1))
    assert set(differing) <= set(range(0xA0, 0x100))  # ROM of a PC
    assert memory[0x20:0x30].any()
    args = BY_NAME["pc"].prepare(tmp_path, blank=True)
    with Machine(binary("x86_64"), args, incoming=True) as machine:
        machine.load(out)
        machine.pmemsave(MIB, 15 * MIB, tmp_path / "loaded")
    assert (tmp_path / "loaded").read_bytes() == memory[0x100:].tobytes()


@pytest.mark.qemu
def test_guest_that_stood_still_stays_so(tmp_path: Path, run: Run) -> None:
    with guest_of(tmp_path) as guest:
        guest.machine.qmp("cont")
        guest.machine.qmp("stop")
        outcome = run("capture", "--qmp", guest.address, tmp_path / "out")
        assert outcome.status == 0, outcome.err
        assert not guest.running
        outcome = run("capture", "--qmp", guest.address, tmp_path / "again")
        assert outcome.status == 1
        assert "only after it has run" in outcome.err
        guest.machine.qmp("cont")
        assert run("capture", "--qmp", guest.address, tmp_path / "again").status == 0


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("background-snapshot", "E-001"),
        ("x-ignore-shared", "E-003"),
        ("return-path", "E-005"),
        ("xbzrle", "does not go with mapped-ram"),
    ],
)
def test_refused_with_the_reason(
    guest: Guest, tmp_path: Path, run: Run, name: str, why: str
) -> None:
    until = next(bad.until for bad in BAD_CAPABILITIES if bad.name == name)
    if until and version(binary("x86_64")) >= until:
        pytest.skip(f"this QEMU does {name} right")
    guest.turn_on(name)
    before = guest.capabilities()
    outcome = run("capture", "--qmp", guest.address, tmp_path / "out")
    assert outcome.status == 1
    assert f"{name!r} is on: " in outcome.err
    assert why in outcome.err
    assert guest.running
    assert guest.capabilities() == before
    assert not (tmp_path / "out").exists()


@pytest.mark.qemu
def test_error_of_qemu_is_passed_on(guest: Guest, tmp_path: Path, run: Run) -> None:
    before = guest.capabilities(), guest.parameters()
    outcome = run("capture", "--qmp", guest.address, tmp_path / "nowhere" / "out")
    assert outcome.status == 1
    assert "No such file or directory" in outcome.err
    assert guest.running
    assert (guest.capabilities(), guest.parameters()) == before


@pytest.mark.qemu
def test_what_exists_is_kept_without_force(guest: Guest, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    outcome = run("capture", "--qmp", guest.address, out)
    assert outcome.status == 1
    assert f"{out}: exists already" in outcome.err
    assert out.read_text() == "precious"
    guest.turn_on("background-snapshot")
    assert run("capture", "--qmp", guest.address, "--force", out).status == 1
    assert out.read_text() == "precious"


@pytest.mark.qemu
def test_force(guest: Guest, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_text("not precious")
    assert run("capture", "--qmp", guest.address, "--force", out).status == 0
    assert check(out).verdict == "clean"
    assert run("capture", "--qmp", guest.address, "--force", tmp_path).status == 1


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["ctrl-c", "sigterm"],
)
@pytest.mark.parametrize("options", [(), ("--live", "--channels", "2")], ids=["stopped", "live"])
def test_a_signal_leaves_the_guest_as_it_was(
    tmp_path: Path, number: signal.Signals, status: int, word: str, options: tuple[str, ...]
) -> None:
    """4 GiB of zero pages at a low rate cannot be saved before the signal."""
    with guest_of(tmp_path, "4G") as guest:
        guest.machine.qmp("cont")
        guest.machine.qmp("migrate-set-parameters", zero_page_detection="none")
        before = guest.capabilities(), guest.parameters()
        out = tmp_path / "folder"
        out.mkdir()
        command = ["capture", "--qmp", guest.address, *options, out / "snapshot"]
        with subprocess.Popen(
            [sys.executable, "-m", "mappedram", *map(str, command)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            while not any(entry.stat().st_blocks > 64 for entry in out.iterdir()):
                assert child.poll() is None, "it was over before it could be interrupted"
                time.sleep(0.001)
            guest.machine.qmp("migrate-set-parameters", max_bandwidth=64 * MIB)
            child.send_signal(number)
            _, said = child.communicate(timeout=300)
        assert (child.returncode, said.strip()) == (status, f"mappedram: {word}")
        assert list(out.iterdir()) == []
        assert guest.running
        assert (guest.capabilities(), guest.parameters()) == before
        assert guest.machine.migration()["status"] == "cancelled"


@pytest.mark.qemu
def test_monitor_that_serves_another(guest: Guest, tmp_path: Path, run: Run) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(guest.address))
        other.recv(1)
        outcome = run("capture", "--qmp", guest.address, tmp_path / "out")
    assert outcome.status == 1
    assert "another client" in outcome.err


def test_no_monitor(tmp_path: Path, run: Run) -> None:
    outcome = run("capture", "--qmp", tmp_path / "nothing", tmp_path / "out")
    assert outcome.status == 1
    assert outcome.err == (
        f"mappedram: {tmp_path / 'nothing'}: no QMP monitor answers there:"
        " No such file or directory\n"
    )


def test_usage(tmp_path: Path, run: Run) -> None:
    assert run("capture", tmp_path / "out").status == 64
    assert run("capture", "--qmp", "x", "--direct-io", tmp_path / "out").status == 64


def test_without_the_package(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qemu.qmp", None)
    outcome = run("capture", "--qmp", "x", tmp_path / "out")
    assert outcome.status == 1
    assert "pip install 'mappedram[capture]'" in outcome.err


@pytest.mark.qemu
def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Not even at the beginning, although QEMU would rely on the umask."""
    out, seen = tmp_path / "out", set[int]()

    def look(_done: int, _total: int) -> None:
        seen.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(".mappedram-*"))

    previous = os.umask(0)
    try:
        with guest_of(tmp_path) as guest:
            asyncio.run(capture(str(guest.address), out, progress=look))
    finally:
        os.umask(previous)
    assert seen == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
