"""The hints for the fixtures, and the options that remain unknown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.format.constants import SectionType
from mappedram.guest.restore import Hint, LoadOptions, hint
from mappedram.guest.restore.machines import board_of
from mappedram.stream.model import RamBlock, Section, Stream
from mappedram.stream.snapshot import OpenSnapshot
from tests.blocks import with_fields
from tests.check.draft import Draft
from tests.conftest import UNFINISHED, Fixtures, manifest

PATH = "/srv/guest.mapped-ram"


@contextmanager
def opened(fixtures: Fixtures, name: str) -> Iterator[OpenSnapshot]:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        yield snapshot


def hint_of(fixtures: Fixtures, name: str, *more: Section, **changes: Any) -> Hint:
    """The hint for a fixture with further sections, or with other contents of its headers."""
    with opened(fixtures, name) as snapshot:
        stream = replace(snapshot.stream, **changes)
        stream = replace(stream, sections=(*stream.sections, *more))
        return hint(OpenSnapshot(snapshot.source, stream, snapshot.driver, owned=False), PATH)


def section(idstr: str, instance_id: int = 0) -> Section:
    return Section("/more", SectionType.FULL, 0, 0, 0, idstr=idstr, instance_id=instance_id)


LOADED = sorted(set(manifest()) - {*UNFINISHED, "background-snapshot"})


@pytest.mark.parametrize("name", LOADED)
def test_emulator(fixtures: Fixtures, name: str) -> None:
    found = hint_of(fixtures, name)
    arch = manifest()[name]["arch"]
    known = name not in {"no-configuration", "devices-only"}
    assert found.binary == (f"qemu-system-{arch}" if known else None)
    assert bool(found.told_by) == known


def option(found: Hint, name: str) -> list[str]:
    return [value for key, value in zip(found.argv, found.argv[1:], strict=False) if key == name]


def unknown(found: Hint, topic: str) -> str:
    return next(one.text for one in found.unknowns if one.topic == topic)


@pytest.mark.parametrize("name", LOADED)
def test_every_section_and_block_is_accounted_for(fixtures: Fixtures, name: str) -> None:
    """Each one once: by the machine, by an option that is printed, or as not covered."""
    found = hint_of(fixtures, name)
    with opened(fixtures, name) as snapshot:
        blocks = [block.idstr for block in snapshot.stream.blocks]
        sections = [
            (section.idstr, section.instance_id)
            for section in snapshot.sections
            if section.type in (SectionType.START, SectionType.FULL)
        ]
    told = [(one.item.idstr, one.item.instance_id) for one in found.coverage]
    assert sorted(told) == sorted([*((idstr, 0) for idstr in blocks), *set(sections)])
    printed = " ".join(found.argv)
    for one in found.coverage:
        assert one.by is None or one.by == "machine" or one.by in printed
        assert bool(one.reason) == (one.by is None)


@pytest.mark.parametrize("name", sorted(set(LOADED) - {"no-configuration", "devices-only"}))
def test_the_machines_of_the_table_are_covered(fixtures: Fixtures, name: str) -> None:
    """Boards and machines without a table are the exception."""
    with opened(fixtures, name) as snapshot:
        board = board_of(snapshot.stream.machine, manifest()[name]["arch"])
    if board is not None:
        assert [str(one) for one in hint_of(fixtures, name).not_covered] == []


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
        ("virtio-mem", "pc-q35-10.0", "16M,maxmem=32M", ["memory-backend-ram,id=vm0,size=16M"]),
    ],
)
def test_memory(
    fixtures: Fixtures, name: str, machine: str, memory: str, objects: list[str]
) -> None:
    found = hint_of(fixtures, name)
    assert option(found, "-machine") == [machine]
    assert option(found, "-m") == [memory]
    assert option(found, "-object") == objects


def test_numa_nodes(fixtures: Fixtures) -> None:
    found = hint_of(fixtures, "numa2")
    assert option(found, "-numa") == ["node,memdev=node0", "node,memdev=node1"]
    assert any("NUMA nodes of the CPUs" in one.text for one in found.unknowns)


def test_devices(fixtures: Fixtures) -> None:
    """What the early state of the device tells."""
    (device,) = option(hint_of(fixtures, "virtio-mem"), "-device")
    name, *properties = device.split(",")
    assert name == "virtio-mem-pci"
    assert {
        "memdev=vm0",
        "memaddr=4294967296",
        "block-size=2097152",
        "bus=pcie.0",
        "addr=01.0",
    } <= {*properties}
    assert option(hint_of(fixtures, "q35"), "-device") == []


@pytest.mark.parametrize(
    ("idstr", "wanted"),
    [
        ("0000:00:03.0/e1000", "e1000,romfile=,bus=pci.0,addr=03.0"),
        ("0000:00:03.0/rtl8139", "rtl8139,romfile=,bus=pci.0,addr=03.0"),
        ("0000:00:03.0/virtio-net", "virtio-net-pci,romfile=,bus=pci.0,addr=03.0"),
        ("0000:00:05.0/xhci", "qemu-xhci,bus=pci.0,addr=05.0"),
        ("vmgenid", "vmgenid,guid=auto"),
        ("virtio-mmio@000000000a003e00/virtio-rng", "virtio-rng-device,bus=virtio-mmio-bus.31"),
        ("fe.0.0001/virtio-rng", "virtio-rng-ccw,devno=fe.0.0001"),
    ],
)
def test_option_of_a_device(fixtures: Fixtures, idstr: str, wanted: str) -> None:
    """Names from each VMStateDescription, and the option of QEMU's manual for the device."""
    found = hint_of(fixtures, "pc", section(idstr))
    assert option(found, "-device") == [wanted]
    assert {one.item.idstr: one.by for one in found.coverage}[idstr] == f"-device {wanted}"


def test_a_device_behind_a_bridge(fixtures: Fixtures) -> None:
    """The bridge has an id, to which the device refers, and stands before it."""
    more = (section("0000:00:04.0:01.0/rtl8139"), section("0000:00:04.0/pci_bridge"))
    found = hint_of(fixtures, "pc", *more, section("PCIBUS", 1))
    assert option(found, "-device") == [
        "pci-bridge,chassis_nr=1,id=at-00-04.0,bus=pci.0,addr=04.0",
        "rtl8139,romfile=,bus=at-00-04.0,addr=01.0",
    ]
    assert found.not_covered == ()


def test_devices_on_usb_and_scsi(fixtures: Fixtures) -> None:
    names = ["0000:00:04.0/uhci", "0000:00:04.0/1/usb-hub", "0000:00:04.0/1.2/usb-kbd"]
    names += ["0000:00:05.0/lsiscsi", "0000:00:05.0/0:3:1/scsi-disk"]
    found = hint_of(fixtures, "pc", *map(section, names))
    assert option(found, "-device") == [
        "piix3-usb-uhci,id=at-00-04.0,bus=pci.0,addr=04.0",
        "usb-hub,bus=at-00-04.0.0,port=1",
        "usb-kbd,bus=at-00-04.0.0,port=1.2",
        "lsi53c895a,id=at-00-05.0,bus=pci.0,addr=05.0",
        "scsi-hd,bus=at-00-05.0.0,channel=0,scsi-id=3,lun=1,drive=disk0",
    ]
    assert found.not_covered == ()


def test_an_unknown_device_is_named(fixtures: Fixtures) -> None:
    idstr = "0000:00:04.0/of-some-company"
    (one,) = hint_of(fixtures, "pc", section(idstr), section("serial", 3)).not_covered
    assert one.item.idstr == idstr
    assert "0000:00:04.0" in one.reason


@pytest.mark.parametrize(
    ("idstrs", "wanted"),
    [
        (["serial", "serial"], ["isa-serial,chardev=char0", "isa-serial,chardev=char1"]),
        (["tpm-crb", "tpm-emulator"], ["tpm-crb,tpmdev=tpm0"]),
        (["hda-audio"], ["hda-duplex,audiodev=audio0"]),
        (["ipmi-bmc-sim", "ipmi-interface"], ["ipmi-bmc-sim,id=bmc0", "isa-ipmi-kcs,bmc=bmc0"]),
        (["vmclock"], ["vmclock"]),
        (["fdc"], ["isa-fdc"]),
    ],
)
def test_devices_without_an_address(
    fixtures: Fixtures, idstrs: list[str], wanted: list[str]
) -> None:
    """The machine has one `fdc`; the first of that name is its own."""
    more = [section(idstr, 1 + number) for number, idstr in enumerate(idstrs)]
    found = hint_of(fixtures, "pc", *more)
    assert option(found, "-device") == wanted
    assert found.not_covered == ()


def test_a_tpm_needs_its_process(fixtures: Fixtures) -> None:
    found = hint_of(fixtures, "pc", section("tpm-crb"), section("tpm-emulator"))
    assert any("swtpm socket" in " ".join(command) for command in found.prepare)
    assert "emulator,id=tpm0,chardev=tpm0-char" in option(found, "-tpmdev")


def test_user_networking_belongs_to_a_card(fixtures: Fixtures) -> None:
    more = (section("slirp"), section("slirp", 1), section("0000:00:03.0/rtl8139"))
    found = hint_of(fixtures, "pc", *more)
    assert option(found, "-netdev") == ["user,id=net0", "user,id=net1"]
    assert option(found, "-device") == ["rtl8139,netdev=net0,romfile=,bus=pci.0,addr=03.0"]
    assert "network" in {one.topic for one in found.unknowns}


@pytest.mark.parametrize("idstr", ["0000:00:01.1/ide", "0000:00:00.0/I440FX"])
def test_what_a_machine_brings_with_it(fixtures: Fixtures, idstr: str) -> None:
    assert option(hint_of(fixtures, "pc", section(idstr)), "-device") == []


@pytest.mark.parametrize(
    ("absent", "machine"),
    [("hpet", "hpet=off"), ("pckbd", "i8042=off"), ("acpi_build", "acpi=off")],
)
def test_what_a_machine_lacks(fixtures: Fixtures, absent: str, machine: str) -> None:
    with opened(fixtures, "pc") as snapshot:
        kept = tuple(one for one in snapshot.sections if one.idstr != absent)
    found = hint_of(fixtures, "pc", sections=kept)
    assert option(found, "-machine") == [f"pc-i440fx-10.0,{machine}"]


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
    with opened(fixtures, "offset-unaligned") as snapshot:
        commands: Any = hint(snapshot, PATH, LoadOptions(3, direct_io=True)).qmp
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
    commands: Any = hint_of(fixtures, "ignore-shared").qmp
    capabilities = commands[1]["arguments"]["capabilities"]
    assert [entry["capability"] for entry in capabilities] == ["x-ignore-shared", "mapped-ram"]


@pytest.mark.parametrize("name", ["memory-backend", "pc"])
def test_shared_memory_stays_shared(fixtures: Fixtures, name: str) -> None:
    """QEMU would create a missing file, but not a missing folder."""
    with opened(fixtures, name) as snapshot:
        first, *others = snapshot.stream.blocks
    assert first.mapped_ram is not None
    header: Any = first.mapped_ram.values | {"bitmap_offset": 0, "pages_offset": 0}
    found = hint_of(fixtures, name, blocks=(with_fields(first, mapped_ram=header), *others))
    (backend,) = option(found, "-object")
    assert backend == (
        f"memory-backend-file,id={first.idstr},size=16M,share=on"
        f",mem-path=/path/of/shared/{first.idstr}"
    )
    assert option(found, "-machine") == [f"pc-i440fx-10.0,memory-backend={first.idstr}"]
    assert "not in the snapshot" in unknown(found, "memory")


def test_a_file_that_says_colo_needs_it(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 8)
    with draft.snapshot() as snapshot:
        commands: Any = hint(snapshot, "/guest").qmp
    capabilities = commands[1]["arguments"]["capabilities"]
    assert [entry["capability"] for entry in capabilities] == ["mapped-ram", "x-colo"]


def test_plain_stream_needs_no_capability(fixtures: Fixtures) -> None:
    executed = [command["execute"] for command in hint_of(fixtures, "plain").qmp]
    assert executed == ["qmp_capabilities", "migrate-incoming"]


@pytest.mark.parametrize(
    ("ids", "smp"),
    [
        ((0, 1, 2), "3"),
        ((0, 1, 2, 4, 5, 6), "6,sockets=2,cores=3,threads=1"),
        ((0, 1, 4, 5, 8, 9), "6,sockets=1,cores=3,threads=2"),
    ],
)
def test_number_of_cpus_and_their_ids(fixtures: Fixtures, ids: tuple[int, ...], smp: str) -> None:
    """The numbers of `apic` are APIC IDs, which follow from the topology."""
    more = [section("apic", one) for one in ids[1:]]
    more += [section(name, one) for name in ("cpu", "cpu_common") for one in range(1, len(ids))]
    found = hint_of(fixtures, "pc", *more)
    if ids == (0, 1, 4, 5, 8, 9):
        smp = option(found, "-smp")[0]  # several topologies have these
    assert option(found, "-smp") == [smp]
    assert found.not_covered == ()


def test_firmware_comes_from_the_file(fixtures: Fixtures) -> None:
    """QEMU's own firmware has another size, and it would refuse the block."""
    with opened(fixtures, "pc") as snapshot:
        found = hint(snapshot, PATH, LoadOptions(contents=(PATH,)))
    assert option(found, "-bios") == ["pc.bios"]
    assert found.prepare == (("mappedram", "extract", "-b", "pc.bios", "-o", "pc.bios", PATH),)
    assert "65536" in unknown(found, "firmware")


def test_old_names_of_backends(fixtures: Fixtures) -> None:
    """Before machine types 4.0 a block had the path of its backend; this one has a comma."""
    with opened(fixtures, "memory-backend") as snapshot:
        first, *others = snapshot.stream.blocks
    assert isinstance(first, RamBlock)
    blocks = (with_fields(first, idstr="/objects/a,b"), *others)
    found = hint_of(fixtures, "memory-backend", blocks=blocks)
    assert option(found, "-object") == ["memory-backend-ram,id=a,,b,size=16M"]


def test_the_emulator_for_32_bits(fixtures: Fixtures) -> None:
    """The size of the registers, which the JSON description gives, tells."""

    def with_size(stream: Stream, name: str, size: int) -> Stream:
        text = stream.vmdescription
        assert text is not None
        document: Any = {"devices": [{"name": "cpu", "fields": [{"name": name, "size": size}]}]}
        return replace(stream, vmdescription=replace(text, document=document))

    for fixture, name, wide, narrow in (
        ("pc", "env.regs", "x86_64", "i386"),
        ("riscv64-virt", "env.gpr", "riscv64", "riscv32"),
    ):
        for size, binary in ((8, wide), (4, narrow)):
            with opened(fixtures, fixture) as snapshot:
                stream = with_size(snapshot.stream, name, size)
            found = hint_of(fixtures, fixture, vmdescription=stream.vmdescription)
            assert found.binary == f"qemu-system-{binary}"
