"""The hints for the fixtures, and the options that remain unknown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.errors import UnsupportedError
from mappedram.format.constants import SectionType
from mappedram.guest.restore import Hint, LoadOptions, hint
from mappedram.stream.model import RamBlock, Section, Stream
from tests.blocks import with_fields
from tests.check.draft import Draft
from tests.conftest import UNFINISHED, Fixtures, manifest

PATH = "/srv/guest.mapped-ram"


def stream_of(fixtures: Fixtures, name: str) -> Stream:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        return snapshot.stream


def hint_of(fixtures: Fixtures, name: str) -> Hint:
    return hint(stream_of(fixtures, name), PATH)


LOADED = sorted(set(manifest()) - {*UNFINISHED, "background-snapshot"})


@pytest.mark.parametrize("name", LOADED)
def test_emulator(fixtures: Fixtures, name: str) -> None:
    found = hint_of(fixtures, name)
    arch = manifest()[name]["arch"]
    known = arch not in {"arm", "avr"} and name not in {"no-configuration", "devices-only"}
    assert found.binary == (f"qemu-system-{arch}" if known else None)
    assert bool(found.told_by) == known


@pytest.mark.parametrize("name", ["killed", "background-snapshot"])
def test_what_nothing_loads(fixtures: Fixtures, name: str) -> None:
    with pytest.raises(UnsupportedError, match="mappedram repair"):
        hint_of(fixtures, name)


def option(found: Hint, name: str) -> list[str]:
    return [value for key, value in zip(found.argv, found.argv[1:], strict=False) if key == name]


@pytest.mark.parametrize(
    ("name", "machine", "memory", "objects"),
    [
        ("pc", "pc-i440fx-10.0", "16M", []),
        ("aarch64-virt", "virt-10.0", "16M", []),
        (
            "memory-backend",
            "pc-i440fx-10.0,memory-backend=m0",
            "16M",
            ["memory-backend-ram,id=m0,size=16M"],
        ),
        (
            "numa2",
            "pc-i440fx-10.0",
            "32M",
            ["memory-backend-ram,id=node0,size=16M", "memory-backend-ram,id=node1,size=16M"],
        ),
        ("virtio-mem", "pc-q35-10.0", "16M", ["memory-backend-ram,id=vm0,size=16M"]),
    ],
)
def test_memory(
    fixtures: Fixtures, name: str, machine: str, memory: str, objects: list[str]
) -> None:
    found = hint_of(fixtures, name)
    assert option(found, "-machine") == [machine]
    assert option(found, "-m") == [memory]
    assert option(found, "-object") == objects


def test_numa_nodes_are_a_guess(fixtures: Fixtures) -> None:
    found = hint_of(fixtures, "numa2")
    assert option(found, "-numa") == ["node,memdev=node0", "node,memdev=node1"]
    assert "NUMA" in next(u.text for u in found.unknowns if u.topic == "memory")


def test_devices(fixtures: Fixtures) -> None:
    (device,) = hint_of(fixtures, "virtio-mem").devices
    assert device.option == "-device virtio-mem-pci"
    assert device.address == "0000:00:01.0"
    assert hint_of(fixtures, "q35").devices == ()


@pytest.mark.parametrize(
    ("idstr", "option"),
    [
        ("0000:00:03.0/e1000", "-device e1000"),
        ("0000:00:03.0/virtio-net", "-device virtio-net-pci"),
        ("0000:00:05.0/xhci", "-device qemu-xhci"),
        ("vmgenid", "-device vmgenid"),
        ("0000:00:04.0/of-some-company", None),
    ],
)
def test_how_a_device_is_asked_for(fixtures: Fixtures, idstr: str, option: str | None) -> None:
    """Names from each VMStateDescription, and the option of QEMU's manual for the device."""
    stream = stream_of(fixtures, "pc")
    more = (*stream.sections, Section("/more", SectionType.FULL, 0, 0, 0, idstr=idstr))
    (device,) = hint(replace(stream, sections=more), PATH).devices
    assert device.idstr == idstr
    assert device.option == option


@pytest.mark.parametrize("idstr", ["0000:00:01.1/ide", "0000:00:00.0/I440FX"])
def test_what_a_machine_brings_with_it(fixtures: Fixtures, idstr: str) -> None:
    stream = stream_of(fixtures, "pc")
    more = (*stream.sections, Section("/more", SectionType.FULL, 0, 0, 0, idstr=idstr))
    assert hint(replace(stream, sections=more), PATH).devices == ()


def test_what_is_left_out_of_the_stream(fixtures: Fixtures) -> None:
    assert option(hint_of(fixtures, "no-footers"), "-global") == [
        "migration.send-section-footer=off"
    ]
    bare = hint_of(fixtures, "no-configuration")
    assert option(bare, "-global") == ["migration.send-configuration=off"]
    assert bare.unknowns[0].topic == "machine"


def test_uuid(fixtures: Fixtures) -> None:
    (uuid,) = option(hint_of(fixtures, "uuid"), "-uuid")
    assert uuid == "6d617070-6564-4261-8172-616d66696c65"


def test_commands(fixtures: Fixtures) -> None:
    stream = stream_of(fixtures, "offset-unaligned")
    commands: Any = hint(stream, PATH, LoadOptions(3, direct_io=True)).qmp
    assert [command["execute"] for command in commands] == [
        "qmp_capabilities",
        "migrate-set-capabilities",
        "migrate-set-parameters",
        "migrate-incoming",
    ]
    assert commands[1]["arguments"]["capabilities"] == [
        {"capability": "mapped-ram", "state": True},
        {"capability": "multifd", "state": True},
    ]
    assert commands[2]["arguments"] == {"multifd-channels": 3, "direct-io": True}
    assert commands[3]["arguments"] == {"uri": f"file:{PATH},offset=0x1239"}


def test_x_ignore_shared(fixtures: Fixtures) -> None:
    found = hint_of(fixtures, "ignore-shared")
    commands: Any = found.qmp
    capabilities = commands[1]["arguments"]["capabilities"]
    assert [entry["capability"] for entry in capabilities] == ["x-ignore-shared", "mapped-ram"]
    assert "loader" in {unknown.topic for unknown in found.unknowns}


def test_a_file_that_says_colo_needs_it(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 8)
    with draft.snapshot() as snapshot:
        commands: Any = hint(snapshot.stream, "/guest").qmp
    capabilities = commands[1]["arguments"]["capabilities"]
    assert [entry["capability"] for entry in capabilities] == ["mapped-ram", "x-colo"]


def test_plain_stream_needs_no_capability(fixtures: Fixtures) -> None:
    executed = [command["execute"] for command in hint_of(fixtures, "plain").qmp]
    assert executed == ["qmp_capabilities", "migrate-incoming"]


def test_number_of_cpus_and_firmware(fixtures: Fixtures) -> None:
    stream = stream_of(fixtures, "pc")
    cpu = next(section for section in stream.sections if section.idstr == "cpu_common")
    more: tuple[Section, ...] = (*stream.sections, cpu, cpu)
    found = hint(replace(stream, sections=more), PATH)
    assert option(found, "-smp") == ["3"]
    assert "64K" in next(u.text for u in found.unknowns if u.topic == "firmware")


def test_old_names_of_backends(fixtures: Fixtures) -> None:
    """Before machine types 4.0 a block had the path of its backend; this one has a comma."""
    stream = stream_of(fixtures, "memory-backend")
    first, *others = stream.blocks
    assert isinstance(first, RamBlock)
    blocks = (with_fields(first, idstr="/objects/a,b"), *others)
    found = hint(replace(stream, blocks=blocks), PATH)
    assert option(found, "-object") == ["memory-backend-ram,id=a,,b,size=16M"]
