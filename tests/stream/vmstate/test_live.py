"""Device state of a running QEMU, compared with its file, and with a file of ours that it loads."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.stream import vmstate
from mappedram.stream.rebuild import rebuild
from mappedram.stream.vmstate import DeviceStates
from tests.qemu.test_fresh import BY_NAME, binary
from tools.qemu import Machine

pytestmark = pytest.mark.qemu

REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS")


def decoded(path: Path) -> DeviceStates:
    with mappedram.open(path) as snapshot:
        return vmstate.decode(snapshot)


def registers(machine: Machine) -> dict[str, int]:
    """Registers that `info registers` shows as NAME=VALUE."""
    text = machine.hmp("info registers")
    return {name: int(value, 16) for name, value in re.findall(r"(\w+) *= *([0-9a-f]+)", text)}


def read_port(machine: Machine, port: int) -> int:
    return int(machine.hmp(f"i /b {port:#x}").split("=")[1], 16)


def test_cpu_is_what_the_monitor_says(tmp_path: Path) -> None:
    """A PC that has run for a while."""
    path = tmp_path / "saved"
    with Machine(binary("x86_64"), BY_NAME["live"].prepare(tmp_path)) as machine:
        said: dict[str, int] = {}
        while not any(said.get(name) for name in REGISTERS):
            machine.qmp("cont")
            time.sleep(0.2)
            machine.qmp("stop")
            said = registers(machine)
        segments = segment_registers(machine)
        machine.save(path)
    cpu = decoded(path)["cpu", 0]
    assert {name: cpu[f"env.regs[{n}]"] for n, name in enumerate(REGISTERS)} == {
        name: said[name] for name in REGISTERS
    }
    others = {"eip": "EIP", "eflags": "EFL", "cr[0]": "CR0", "fpuc": "FCW", "mxcsr": "MXCSR"}
    assert {field: cpu[f"env.{field}"] for field in others} == {
        field: said[name] for field, name in others.items()
    }
    for number, name in enumerate(SEGMENTS):
        assert cpu[f"env.segs[{number}]"] == segments[name], name


def segment_registers(machine: Machine) -> dict[str, dict[str, int]]:
    text = machine.hmp("info registers").replace("\r", "")
    lines = re.findall(r"^(\w+) *=(\w{4}) (\w{8}) (\w{8}) (\w{8})$", text, re.MULTILINE)
    parts = ("selector", "base", "limit", "flags")
    return {
        name: dict(zip(parts, (int(value, 16) for value in values), strict=True))
        for name, *values in lines
    }


def test_devices_are_what_the_monitor_says(tmp_path: Path) -> None:
    """Values written to devices of a PC through their ports, and read from there."""
    path = tmp_path / "saved"
    with Machine(binary("x86_64"), BY_NAME["pc"].prepare(tmp_path)) as machine:
        machine.hmp("o /b 0x21 0xfb")
        machine.hmp("o /b 0xa1 0x5a")
        cmos = {}
        # All but the clock itself and 0x37, which aliases the byte for the century.
        for index in {*range(0x0E, 0x80)} - {0x37}:
            machine.hmp(f"o /b 0x70 {index}")
            if index >= 0x40:
                machine.hmp(f"o /b 0x71 {index * 3 & 0xFF}")
            cmos[index] = read_port(machine, 0x71)
        pci = machine.qmp("query-pci")[0]["devices"]
        machine.save(path)
    state = decoded(path)
    assert (state["i8259", 0]["imr"], state["i8259", 1]["imr"]) == (0xFB, 0x5A)

    clock = state["mc146818rtc"]
    data = clock["cmos_data"]
    assert isinstance(data, bytes)
    assert {index: data[index] for index in cmos} == cmos
    assert data[0x40:] == bytes(index * 3 & 0xFF for index in range(0x40, 0x80))
    assert clock["base_rtc"] == datetime(2024, 1, 1, tzinfo=UTC).timestamp()

    config = pci_config(state)
    assert len(pci) == len(config) == 4
    for one in pci:
        found = config[one["slot"], one["function"]]
        assert int.from_bytes(found[0:2], "little") == one["id"]["vendor"]
        assert int.from_bytes(found[2:4], "little") == one["id"]["device"]
        assert int.from_bytes(found[10:12], "little") == one["class_info"]["class"]


def test_virtual_clock(tmp_path: Path) -> None:
    """It has run as long as the guest has, in nanoseconds."""
    path = tmp_path / "saved"
    with Machine(binary("x86_64"), BY_NAME["pc"].prepare(tmp_path)) as machine:
        begin = time.monotonic_ns()
        machine.qmp("cont")
        time.sleep(0.1)
        machine.qmp("stop")
        longest = time.monotonic_ns() - begin
        machine.save(path)
    passed = decoded(path)["timer"]["cpu_clock_offset"]
    assert isinstance(passed, int)
    assert 100_000_000 <= passed <= longest


def pci_config(state: DeviceStates) -> Mapping[tuple[int, int], bytes]:
    """The configuration space of each PCI device of bus 0, by slot and function."""
    found = {}
    for device in state:
        place = re.match(r"0000:00:([0-9a-f]{2})\.(\d)/", device.idstr)
        for _, leaf in device.leaves():
            if place and leaf.type == "pci config":
                assert isinstance(leaf.value, bytes)
                found[int(place[1], 16), int(place[2])] = leaf.value
    return found


EDITS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "pc": (
        {
            "env.eip": 0x7C00,
            "env.regs[0]": 0xCAFEF00D,
            "env.regs[7]": 1,
            "env.segs[1].selector": 0x1234,
            "env.segs[1].base": 0x12340,
            "env.eflags": 0x46,
        },
        {"EIP": 0x7C00, "EAX": 0xCAFEF00D, "EDI": 1, "CS": 0x1234, "EFL": 0x46},
    ),
    "aarch64-virt": (
        {"env.pc": 0x4020_0000, "env.xregs[30]": (1 << 64) - 1, "cpsr": 0x8000_03C5},
        {"PC": 0x4020_0000, "X30": (1 << 64) - 1, "PSTATE": 0x8000_03C5},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_qemu_loads_the_values_that_we_set(tmp_path: Path, name: str) -> None:
    edits, expected = EDITS[name]
    fixture = BY_NAME[name]
    saved, edited, again = tmp_path / "saved", tmp_path / "edited", tmp_path / "again"
    emulator = binary(fixture.arch)
    with Machine(emulator, fixture.prepare(tmp_path)) as machine:
        machine.save(saved)
    with mappedram.open(saved) as snapshot, edited.open("w+b") as stream:
        for path, value in edits.items():
            snapshot.state["cpu", 0][path] = value
        rebuild(snapshot, stream.fileno())

    with Machine(emulator, fixture.prepare(tmp_path, blank=True), incoming=True) as machine:
        machine.load(edited)
        said = registers(machine)
        machine.save(again)
    assert {register: said[register] for register in expected} == expected
    # The file that QEMU saves again has the values, and others derived from them.
    state = decoded(again)
    assert {path: state["cpu"][path] for path in edits} == edits


def test_qemu_keeps_what_we_put_into_a_list(tmp_path: Path) -> None:
    """The channel reports of s390x are a list whose elements repeat their keys in the JSON text."""
    args = ["-machine", "s390-ccw-virtio", "-m", "16M"]
    saved, edited, again = tmp_path / "saved", tmp_path / "edited", tmp_path / "again"
    emulator = binary("s390x")
    plugged = [
        {"driver": "virtio-rng-ccw", "id": f"rng{n}", "devno": f"fe.0.000{n}"} for n in (1, 2)
    ]
    with Machine(emulator, args) as machine:
        for one in plugged:
            machine.qmp("device_add", **one)
        machine.save(saved)
    state = decoded(saved)
    reports = state["s390_css"]["pending_crws"]
    assert reports == [{"crw": {"flags": 0x304, "rsid": n}} for n in (0, 1)]

    with mappedram.open(saved) as snapshot, edited.open("w+b") as stream:
        snapshot.state["s390_css"]["pending_crws[1].crw.rsid"] = 0xABCD
        rebuild(snapshot, stream.fileno())
    devices = [f"{one['driver']},id={one['id']},devno={one['devno']}" for one in plugged]
    args += [part for device in devices for part in ("-device", device)]
    with Machine(emulator, args, incoming=True) as machine:
        machine.load(edited)
        machine.save(again)
    assert decoded(again)["s390_css"]["pending_crws[1].crw.rsid"] == 0xABCD
