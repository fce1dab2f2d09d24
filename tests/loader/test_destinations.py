"""Files of one machine, loaded by one with another memory, or other processors and devices."""

from pathlib import Path

import pytest

import mappedram
from mappedram.fuzz.guests import MIB, Guest
from mappedram.fuzz.qemu import QemuLoader
from mappedram.loader import Destination, verdicts
from mappedram.loader.destination import DIRTY_BITMAP, RAM
from mappedram.loader.devices import payloads
from mappedram.source import Source
from tests.conftest import Fixtures
from tests.loader.plain_cases import good
from tests.loader.plain_stream import START, be
from tests.qemu.test_fresh import binary
from tools.qemu import version


def pc(*args: str, memory: int = 16, machine: str = "pc-i440fx-10.0", on: str = "") -> Guest:
    """A PC; with the capability `on`."""
    first = ("-vga", "none", "-machine", f"{machine},memory-backend=pc.ram", "-m", f"{memory}M")
    blocks, capabilities = {"pc.ram": memory * MIB}, (on,) if on else ()
    return Guest(machine, (*first, *args), blocks, 4096, capabilities)


NETWORK = ("-netdev", "user,id=n")
MACHINES = {
    "base": pc(),
    "memory": pc(memory=32),
    "processors": pc("-smp", "2"),
    "uhci": pc("-device", "piix3-usb-uhci"),
    "network": pc("-device", "rtl8139,netdev=n", *NETWORK),
    "no-hpet": pc("-machine", "hpet=off"),
    "q35": pc(machine="q35"),
    "xbzrle": pc(on="xbzrle"),
    "dirty-bitmaps": pc(on="dirty-bitmaps"),
    "x-ignore-shared": pc(on="x-ignore-shared"),
    "mapped-ram": pc(on="mapped-ram"),
}
#: Who saves, who loads, and whether that works: measured with QEMU 10.0.2.
PAIRS = [
    ("base", "memory", "refuses"),
    ("memory", "base", "refuses"),
    ("processors", "base", "refuses"),
    ("base", "processors", "loads"),
    ("uhci", "base", "refuses"),
    ("base", "uhci", "loads"),
    ("network", "base", "refuses"),
    ("network", "network", "loads"),
    ("no-hpet", "base", "loads"),
    ("base", "no-hpet", "refuses"),
    ("q35", "base", "refuses"),
    ("xbzrle", "base", "loads"),
    ("dirty-bitmaps", "base", "loads"),
    ("x-ignore-shared", "x-ignore-shared", "loads"),
    ("x-ignore-shared", "base", "refuses"),
    ("base", "mapped-ram", "refuses"),
    ("mapped-ram", "base", "refuses"),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each machine."""
    qemu = binary("x86_64")
    if version(qemu)[:2] != (10, 0):
        pytest.skip("what was measured is QEMU 10.0")
    folder = tmp_path_factory.mktemp("machines")
    for name, guest in MACHINES.items():
        with QemuLoader(qemu, guest) as loader:
            loader.save(folder / name)
    return {name: folder / name for name in MACHINES}


@pytest.mark.qemu
@pytest.mark.parametrize(("source", "target", "outcome"), PAIRS)
def test_qemu_and_other_machines(
    source: str, target: str, outcome: str, saved: dict[str, Path]
) -> None:
    with mappedram.open(saved[target]) as snapshot, Source(saved[source]) as file:
        verdict = verdicts(file, destination=Destination.of(snapshot))["10.0"]
    with QemuLoader(binary("x86_64"), MACHINES[target]) as loader:
        loaded = loader.load(saved[source])
    assert loaded.outcome == verdict.outcome == outcome
    assert (verdict.message is not None) == (outcome == "refuses")
    assert (verdict.message or "") in loaded.message


def test_every_qemu_knows_dirty_bitmaps(fixtures: Fixtures) -> None:
    """Whatever the file has that tells of the machine."""
    for name in ("plain", "pc", "dirty-bitmaps"):
        with mappedram.open(fixtures[name].path) as snapshot:
            handlers = Destination.of(snapshot).handlers or ()
        assert handlers.index(DIRTY_BITMAP) == handlers.index(RAM) + 1


@pytest.mark.parametrize(
    ("idstr", "size", "outcome", "depends"),
    [
        (b"dirty-bitmap", 1, "loads", False),
        (b"dirty-bitmap", 20, "loads", True),
        (b"dirty-bitmaps", 1, "refuses", False),
    ],
)
def test_live_section_that_the_destination_did_not_save(
    idstr: bytes, size: int, outcome: str, depends: bool, tmp_path: Path
) -> None:
    stream = good("none")
    path = tmp_path / "good"
    path.write_bytes(bytes(stream))
    head = bytes([START]) + be(9, 4) + be(len(idstr), 1) + idstr + be(0, 4) + be(1, 4)
    footer = b"\x7e" + be(9, 4)
    stream.pieces.insert(1, head + b"\1" * size + footer)
    with mappedram.open(path) as snapshot:
        found = verdicts(bytes(stream), destination=Destination.of(snapshot))["10.0"]
    assert (found.outcome, found.depends_on_destination) == (outcome, depends)


def test_devices_without_a_description_have_no_fixed_length() -> None:
    fields = [{"name": "data", "size": 131, "type": "buffer"}]
    described = {"name": "timer", "instance_id": 0, "vmsd_name": "timer", "version": 2}
    alone = {"name": "slirp", "instance_id": 0, "size": 131}
    document = {"devices": [{**alone, "fields": fields}, {**described, "fields": fields}]}
    assert list(payloads(document)) == [("timer", 0)]
