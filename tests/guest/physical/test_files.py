"""Maps of files: fixtures, changed fixtures, and malformed files."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

import mappedram
from mappedram import Snapshot, strategies
from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.fuzz.sound import DeviceSpec, RamSpec, SnapshotSpec
from mappedram.guest.physical import PhysicalMap, physical_map
from mappedram.strategies import SparseFile
from mappedram.stream.libvirt import open_any
from tests.blocks import with_fields
from tests.conftest import Fixtures
from tests.stream.libvirt.samples import Samples

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

#: A PC with 16 MiB and a firmware of 64 KiB: first and last addresses, block, offset in it.
PC = [
    (0, 0xC0000, "pc.ram", 0),
    (0xC0000, 0xE0000, "pc.rom", 0),
    (0xE0000, 0xF0000, "pc.ram", 0xE0000),
    (0xF0000, MIB, "pc.bios", 0),
    (MIB, 16 * MIB, "pc.ram", MIB),
    (4 * GIB - 64 * KIB, 4 * GIB, "pc.bios", 0),
]


def placed(found: PhysicalMap) -> list[tuple[int, int, str, int]]:
    """First and last addresses, block and offset of each range."""
    joined: list[tuple[int, int, str, int]] = []
    for one in found.ranges:
        first, end, name, offset = joined[-1] if joined else (0, 0, "", 0)
        if (end, name, offset + end - first) == (one.gpa, one.idstr, one.offset):
            joined[-1] = (first, one.end, name, offset)
        else:
            joined.append((one.gpa, one.end, one.idstr, one.offset))
    return joined


@pytest.mark.parametrize(
    "name",
    ["pc", "q35", "pc-11", "plain", "offset-unaligned", "no-vmdesc", "no-footers", "live",
     "no-configuration", "ignore-shared", "background-snapshot"],
)  # fmt: skip
def test_pcs_are_alike(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        found = physical_map(snapshot)
    assert placed(found) == PC
    assert all(one.certain for one in found.ranges)
    assert [one.is_ram for one in found.ranges] == [one.idstr == "pc.ram" for one in found.ranges]
    assert found.doubts == ()
    assert "/rom@etc/acpi/tables" in found.unplaced


@pytest.mark.parametrize("name", ["raw", "gzip", "sparse", "sparse-2ch", "swapped"])
def test_images_of_libvirt(samples: Samples, name: str) -> None:
    with open_any(samples[name].path) as (snapshot, _):
        found = physical_map(snapshot)
        main = [one for one in found.ranges if one.is_ram]
        assert main[0].gpa == 0
        assert all(one.certain and "CMOS" in one.basis for one in main)
        assert {one.idstr for one in main} == {"pc.ram"}
        assert found.doubts == ()


def test_nothing_is_certain_where_nothing_tells(fixtures: Fixtures) -> None:
    """Without the end of the file, no device state can be found."""
    for name in ("killed", "no-footers-no-vmdesc"):
        with mappedram.open(fixtures[name].path, partial=True) as snapshot:
            found = physical_map(snapshot)
        assert placed(found) == [(0, 16 * MIB, "pc.ram", 0), PC[-1]]
        assert [one.certain for one in found.ranges] == [False, True]
        assert len(found.doubts) == 2
        assert "max-ram-below-4g" in found.doubts[0]
        assert "0xa0000 to 0x100000" in found.doubts[1]


def test_no_knowledge_is_an_error(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["arm-1k"].path) as snapshot:
        with pytest.raises(UnsupportedError, match="'netduino2'"):
            _ = snapshot.physical
        found = physical_map(snapshot, below_4g=GIB)
    assert not any(one.certain for one in found.ranges)


@pytest.mark.parametrize("below", [0, -1, 4 * GIB + 1])
def test_what_cannot_be_below_4_gib(fixtures: Fixtures, below: int) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as snapshot, pytest.raises(ValueError, match="below_4g"):
        physical_map(snapshot, below)


def test_a_value_that_is_set_counts(fixtures: Fixtures) -> None:
    """Registers that select ROM or RAM: the lower half of PAM1 shows 16 KiB of RAM."""
    with mappedram.open(fixtures["pc"].path) as snapshot:
        chipset = snapshot.state["0000:00:00.0/I440FX"]
        config = bytearray(chipset["parent_obj.config[0]"])  # type: ignore[arg-type]
        config[0x5A] = 0x03
        chipset["parent_obj.config[0]"] = bytes(config)
        found = physical_map(snapshot)
    assert placed(found)[:3] == [
        (0, 0xC4000, "pc.ram", 0),
        (0xC4000, 0xE0000, "pc.rom", 0x4000),
        (0xE0000, 0xF0000, "pc.ram", 0xE0000),
    ]


# virtio-mem: its state has the address and the bitmap.


def plug(snapshot: Snapshot, words: list[int], *, plugged: int | None = None) -> PhysicalMap:
    """The map with that bitmap in the device's state."""
    device = snapshot.state["0000:00:01.0/virtio-mem-device-early"]
    for index, word in enumerate(words):
        device[f"bitmap[{index}]"] = word
    count = sum(word.bit_count() for word in words)
    device["size"] = 2 * MIB * count if plugged is None else plugged
    return physical_map(snapshot)


def test_virtio_mem(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["virtio-mem"].path) as snapshot:
        (gpa,) = [
            value
            for value in [snapshot.state["0000:00:01.0/virtio-mem-device-early"]["tmp.addr"]]
            if isinstance(value, int)
        ]
        name = "0000:00:01.0/vm0"
        assert name in physical_map(snapshot).unplaced
        found = plug(snapshot, [0b01100101])
        assert [one for one in placed(found) if one[2] == name] == [
            (gpa, gpa + 2 * MIB, name, 0),
            (gpa + 4 * MIB, gpa + 6 * MIB, name, 4 * MIB),
            (gpa + 10 * MIB, gpa + 14 * MIB, name, 10 * MIB),
        ]
        assert found.doubts == ()
        assert all(one.certain for one in found.ranges)


def test_virtio_mem_whose_bitmap_and_size_differ(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["virtio-mem"].path) as snapshot:
        found = plug(snapshot, [1], plugged=4 * MIB)
    (whole,) = [one for one in found.ranges if one.idstr.endswith("vm0")]
    assert (whole.size, whole.certain) == (16 * MIB, False)
    assert "plugged in" in found.doubts[0]


@pytest.mark.parametrize(
    ("path", "value"), [("tmp.region_size", 32 * MIB), ("tmp.block_size", 0), ("tmp.block_size", 3)]
)
def test_virtio_mem_that_makes_no_sense(fixtures: Fixtures, path: str, value: int) -> None:
    with mappedram.open(fixtures["virtio-mem"].path) as snapshot:
        snapshot.state["0000:00:01.0/virtio-mem-device-early"][path] = value
        found = plug(snapshot, [1])
    assert "0000:00:01.0/vm0" in found.unplaced
    assert "makes no sense" in found.doubts[0]


def test_memory_of_a_device_never_hides_main_memory(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["virtio-mem"].path) as snapshot:
        snapshot.state["0000:00:01.0/virtio-mem-device-early"]["tmp.addr"] = 4 * MIB
        found = plug(snapshot, [0xFF])
    sound(snapshot, found)
    assert [one.idstr for one in found.ranges if MIB <= one.gpa < 16 * MIB] == ["pc.ram"]
    assert any("hides" in doubt for doubt in found.doubts)


# Malformed files.


def sound(snapshot: Snapshot, found: PhysicalMap) -> None:
    """Properties of every map."""
    lengths = {block.idstr: block.used_length for block in reversed(snapshot.blocks)}
    for one in found.ranges:
        assert one.size > 0
        assert 0 <= one.gpa < one.end <= 1 << 56
        assert 0 <= one.offset < one.offset + one.size <= lengths[one.idstr]
        assert one.basis
    assert all(one.end <= other.gpa for one, other in pairwise(found.ranges))
    assert {one.idstr for one in found.ranges} | set(found.unplaced) == set(lengths)
    assert not {one.idstr for one in found.ranges} & set(found.unplaced)
    if not all(one.certain for one in found.ranges):
        assert found.doubts


@given(strategies.mutated() | strategies.files() | strategies.files(strategies.HUGE))
def test_any_file_has_a_sound_map_or_an_error(file: SparseFile) -> None:
    with (
        file.opened() as fd,
        suppress(MappedRamError),
        mappedram.open(fd, file.offset, partial=True) as snapshot,
    ):
        for below in (None, GIB):
            with suppress(UnsupportedError):
                sound(snapshot, physical_map(snapshot, below))


@contextmanager
def pc_with(devices: tuple[DeviceSpec, ...] = (), **blocks: int) -> Iterator[Snapshot]:
    """A PC with blocks of these numbers of pages; two underscores become a dot."""
    specs = tuple(RamSpec(name.replace("__", "."), pages) for name, pages in blocks.items())
    spec = SnapshotSpec("pc-q35-10.0", 4096, specs, devices)
    with spec.file().opened() as fd, mappedram.open(fd) as snapshot:
        yield snapshot


def test_firmware_that_is_larger_than_all_there_is() -> None:
    with pc_with(pc__ram=4096, pc__bios=2 << 20) as snapshot:
        found = physical_map(snapshot)
        sound(snapshot, found)
    assert "pc.bios" in found.unplaced
    assert "does not fit" in found.doubts[-2]


def test_firmware_that_hides_memory() -> None:
    with pc_with(pc__ram=4096, pc__bios=(1 << 20) - 1) as snapshot:
        found = physical_map(snapshot)
        sound(snapshot, found)
    assert placed(found) == [(0, 4096, "pc.ram", 0), (4096, 4 * GIB, "pc.bios", 0)]
    assert any("'pc.bios' hides" in doubt for doubt in found.doubts)


def test_blocks_without_main_memory() -> None:
    with pc_with(pc__bios=16) as snapshot, pytest.raises(UnsupportedError, match="main memory"):
        physical_map(snapshot)


def test_lengths_that_no_address_reaches(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["pc"].path) as snapshot:
        stream = snapshot.stream
        longer = tuple(with_fields(block, used_length=1 << 63) for block in stream.blocks)
        huge = Snapshot(snapshot.source, replace(stream, blocks=longer), snapshot.driver)
        found = physical_map(huge)
        sound(huge, found)
    assert any("does not fit" in doubt for doubt in found.doubts)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 200])
def test_states_of_any_length(length: int) -> None:
    """128 bytes of the CMOS memory are needed, and these do not add up."""
    devices = tuple(
        DeviceSpec(name, number, state=b"\xff" * length)
        for number, name in enumerate(("mc146818rtc", "0000:00:00.0/mch", "vga"), start=2)
    )
    with pc_with(devices, pc__ram=4096, pc__rom=32) as snapshot:
        found = physical_map(snapshot)
        sound(snapshot, found)
    assert any("CMOS" in doubt for doubt in found.doubts) == (length >= 128)


# The ACPI tables.


def srat(*entries: tuple[int, int, int, int]) -> bytes:
    """Tables with an SRAT of these entries: domain, address, size, flags."""
    body = b"".join(
        struct.pack("<BBIHQQIIQ", 1, 40, domain, 0, gpa, size, 0, flags, 0)
        for domain, gpa, size, flags in entries
    )
    header = b"SRAT" + struct.pack("<IB", 48 + len(body), 1)
    return b"FACS" + bytes(60) + header.ljust(48, b"\0") + body


def with_tables(tables: bytes, pages: int = 4096) -> PhysicalMap:
    """The map of a PC with two blocks and these tables."""
    blocks = (
        RamSpec("a", pages),
        RamSpec("b", pages // 2),
        RamSpec("/rom@etc/acpi/tables", 4, ((0, 4),)),
    )
    file = SnapshotSpec("pc-q35-10.0", 4096, blocks).file()
    with file.opened() as fd, mappedram.open(fd) as snapshot:
        pages_offset = snapshot.block["/rom@etc/acpi/tables"].model.pages_offset
    assert pages_offset is not None
    changed = file.write(pages_offset, tables.ljust(4 * 4096, b"\0"))
    with changed.opened() as fd, mappedram.open(fd) as snapshot:
        found = physical_map(snapshot)
        sound(snapshot, found)
        return found


ENABLED, HOTPLUG, NON_VOLATILE = 1, 3, 5


def test_nodes_by_the_tables() -> None:
    found = with_tables(
        srat(
            (0, 0, 640 * KIB, ENABLED),
            (0, MIB, 7 * MIB, ENABLED),
            (1, 8 * MIB, 16 * MIB, ENABLED),
        )
    )
    assert placed(found) == [(0, 8 * MIB, "b", 0), (8 * MIB, 24 * MIB, "a", 0)]
    assert "SRAT" in found.ranges[-1].basis
    assert found.ranges[-1].certain


def test_a_dimm_by_the_tables() -> None:
    found = with_tables(srat((0, 0, 16 * MIB, ENABLED), (0, 8 * GIB, GIB, HOTPLUG)))
    assert placed(found)[-1] == (8 * GIB, 8 * GIB + 8 * MIB, "b", 0)
    assert not found.ranges[-1].certain


@pytest.mark.parametrize(
    "tables",
    [
        srat((0, 0, 16 * MIB, NON_VOLATILE)),  # memory of another kind
        srat((0, 0, 16 * MIB, 0)),  # not enabled
        srat((0, 0, 16 * MIB, ENABLED), (0, 8 * MIB, 8 * MIB, ENABLED)),  # over each other
        srat((0, 0, 16 * MIB, ENABLED))[:-20],  # cut off, and zeros
        srat().replace(b"SRAT", b"SRAS"),
        b"SRAT" + b"\xff" * 16000,
        b"SRAT",
        struct.pack("<4sIB", b"SRAT", 60, 1).ljust(48, b"\0") + bytes([1, 0]) + bytes(10),
    ],
    ids=["kind", "disabled", "overlap", "cut", "missing", "long", "short", "endless"],
)
def test_tables_that_say_nothing_of_it(tables: bytes) -> None:
    found = with_tables(tables)
    assert not any("SRAT" in one.basis for one in found.ranges)
    assert found.doubts
