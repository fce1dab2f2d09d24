"""Load files of one machine on another with different memory, processors or devices."""

from pathlib import Path

import pytest

import mappedram
from mappedram.io.opening import open_source
from mappedram.json_types import Json
from mappedram.qemu.loader import Destination, verdicts
from mappedram.qemu.loader.destination import DIRTY_BITMAP, RAM
from mappedram.qemu.loader.devices import payloads
from mappedram.qemu.run.guests import MIB, TrialGuest
from mappedram.qemu.run.load import QemuLoader
from tests.conftest import Fixtures
from tests.qemu.loader.plain_cases import good
from tests.qemu.loader.plain_stream import START, be
from tests.qemu.test_fresh import binary
from tools.qemu import version


def pc(*args: str, memory: int = 16, machine: str = "pc-i440fx-10.0", on: str = "") -> TrialGuest:
    """A PC with the capabilities `on`."""
    first = ("-vga", "none", "-machine", f"{machine},memory-backend=pc.ram", "-m", f"{memory}M")
    blocks, capabilities = {"pc.ram": memory * MIB}, (on,) if on else ()
    return TrialGuest(machine, (*first, *args), blocks, 4096, capabilities)


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
#: Source, destination, and whether it loads: measured with QEMU 10.0.2.
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
    with mappedram.open(saved[target]) as snapshot, open_source(saved[source]) as file:
        verdict = verdicts(file, destination=Destination.of(snapshot))["10.0"]
    with QemuLoader(binary("x86_64"), MACHINES[target]) as loader:
        loaded = loader.load(saved[source])
    assert loaded.outcome == verdict.outcome == outcome
    assert (verdict.message is not None) == (outcome == "refuses")
    assert (verdict.message or "") in loaded.message


def test_every_qemu_knows_dirty_bitmaps(fixtures: Fixtures) -> None:
    """Even if the file itself tells the machine."""
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
    fields: Json = [{"name": "data", "size": 131, "type": "buffer"}]
    described: dict[str, Json] = {
        "name": "timer",
        "instance_id": 0,
        "vmsd_name": "timer",
        "version": 2,
    }
    alone: dict[str, Json] = {"name": "slirp", "instance_id": 0, "size": 131}
    document: dict[str, Json] = {
        "devices": [{**alone, "fields": fields}, {**described, "fields": fields}]
    }
    assert list(payloads(document)) == [("timer", 0)]


def test_devices_of_one_description_share_subsections() -> None:
    def device(instance: int, vmsd: str, *subsections: str) -> dict[str, Json]:
        inner: list[Json] = [{"vmsd_name": name, "version": 1} for name in subsections]
        return {
            "name": "dev",
            "instance_id": instance,
            "vmsd_name": vmsd,
            "version": 3,
            "subsections": inner,
        }

    document: dict[str, Json] = {
        "devices": [device(0, "apic"), device(1, "apic", "apic_sipi"), device(2, "other")]
    }
    found = payloads(document)
    assert [[one.name for one in found["dev", n].subsections] for n in range(3)] == [
        ["apic_sipi"],
        ["apic_sipi"],
        [],
    ]


# Results of the campaigns of docs/verdicts.md, with the words of QEMU 10.0.2.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aarch64-virt", "Received TARGET_PAGE_BITS is 10 but local is 12"),
        ("arm-1k", "Capability mapped-ram is on, but received capability is off"),
        ("pc", "Capability mapped-ram is on, but received capability is off"),
    ],
)
def test_configuration_without_its_subsections(name: str, message: str, fixtures: Fixtures) -> None:
    """On ARM, QEMU assumes pages of 1 KiB, and checks that before the capabilities."""
    data = bytearray(fixtures[name].path.read_bytes())
    with mappedram.open(fixtures[name].path) as snapshot:
        first = next(e for e in snapshot.stream.elements if e.kind == "configuration_subsection")
        destination = Destination.of(snapshot)
    data[first.offset] ^= 0x80
    found = verdicts(bytes(data), destination=destination)["10.0"]
    assert (found.outcome, found.message) == ("refuses", message)


def test_page_bits_are_shown_as_a_signed_number(fixtures: Fixtures) -> None:
    data = bytearray(fixtures["aarch64-virt"].path.read_bytes())
    with mappedram.open(fixtures["aarch64-virt"].path) as snapshot:
        place = next(e for e in snapshot.stream.elements if e.kind == "configuration_subsection")
        destination = Destination.of(snapshot)
    for value, shown in ((1 << 31, -(1 << 31)), (13, 13)):
        data[place.end - 4 : place.end] = be(value, 4)
        found = verdicts(bytes(data), destination=destination)["10.0"]
        assert found.message == f"Received TARGET_PAGE_BITS is {shown} but local is 12"


@pytest.mark.parametrize(
    ("length", "received"), [((1 << 64) - 1, "0x0"), ((1 << 64) - 4096, "0xfffffffffffff000")]
)
def test_length_that_is_rounded_up_to_none(length: int, received: str, tmp_path: Path) -> None:
    """In 64 bits, the longest length rounds up to 0."""
    stream = good("none")
    (tmp_path / "good").write_bytes(bytes(stream))
    with mappedram.open(tmp_path / "good") as snapshot:
        destination = Destination.of(snapshot)
    stream.start.entries[0].length = length
    found = verdicts(bytes(stream), destination=destination)["10.0"]
    assert found.message == f"Size mismatch: ram: {received} != 0x1000000"


@pytest.mark.parametrize(
    ("length", "outcome"),
    [((1 << 64) - 1, "crashes"), ((1 << 64) - 4095, "crashes"), ((1 << 64) - 4096, "refuses")],
)
def test_length_of_a_block_that_firmware_reads(length: int, outcome: str, tmp_path: Path) -> None:
    """The rounded length can be 0, but the length for firmware is too large."""
    stream = good("pc")
    (tmp_path / "good").write_bytes(bytes(stream))
    with mappedram.open(tmp_path / "good") as snapshot:
        destination = Destination.of(snapshot)
    entry = next(one for one in stream.start.entries if one.name == b"/rom@etc/acpi/tables")
    entry.length = length
    found = verdicts(bytes(stream), destination=destination)["10.0"]
    assert (found.outcome, found.because) == (outcome, ("MR064",))
