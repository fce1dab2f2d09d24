"""Rules for machine types, and sources that override them, with numbers.

`test_qemu` asks a real QEMU. These cases are rows of machine types that current releases lack,
their neighbours, and values that no QEMU writes.
"""

import struct

import pytest

from mappedram.errors import UnsupportedError
from mappedram.guest.physical.cmos import below_4g, total_of
from mappedram.guest.physical.memory_hole import Split, split_of
from mappedram.guest.physical.rules import LAYOUTS, layout_of, moves_above_1t
from mappedram.guest.physical.srat import Node, Srat
from tests.guest.physical.configurations import CONFIGURATIONS

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
#: Rows of machine types that QEMU 10 does not have, and that of Xen, which only runs under Xen.
DROPPED = {r"pc(-i440fx)?-[01]\..*", r"pc-q35-1\..*", r"xenfv(-.*)?"}


@pytest.mark.parametrize(
    ("machine", "total", "below"),
    [
        ("pc-1.3", 0xE0000000, 0xE0000000),
        ("pc-i440fx-1.7", 4 * GIB, 0xE0000000),
        ("pc-i440fx-2.0", 4 * GIB, 0xC0000000),
        ("pc-i440fx-2.0", 0xDFF00000, 0xDFF00000),
        ("pc-i440fx-10.0", 4 * GIB, 0xC0000000),
        ("pc", 4 * GIB, 0xC0000000),
        ("pc-q35-1.7", 4 * GIB, 0xB0000000),
        ("pc-q35-2.0", 4 * GIB, 0x80000000),
        ("q35", 0xB0000000, 0x80000000),
        ("q35", 0xAFF00000, 0xAFF00000),
        ("isapc", 0xE0000000, 0xE0000000),
        ("microvm", 0xC0000000, 0xC0000000),
        ("microvm", 0xC0000000 + MIB, 0xC0000000),
    ],
)
def test_where_a_pc_divides_its_memory(machine: str, total: int, below: int) -> None:
    layout = layout_of(machine, "x86_64")
    assert layout is not None
    expected = [(0, below)] + ([(4 * GIB, total - below)] if total > below else [])
    assert layout.pieces(total) == expected


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("xenpv", "x86_64"),
        ("pc-q35", "aarch64"),
        ("virt", "x86_64"),
        (None, "x86_64"),
        ("raspi3b", "arm"),
        ("raspi2b", "aarch64"),
        ("pc-q35x-1.0", "x86_64"),
    ],
)
def test_other_machine_types_have_no_rule(machine: str | None, arch: str) -> None:
    assert layout_of(machine, arch) is None


def test_every_row_is_held_against_a_real_machine() -> None:
    """By the machine types of the configurations that are started."""
    names = {(one.args.split()[1].split(",")[0], one.arch) for one in CONFIGURATIONS.values()}
    met = {id(layout_of(name, arch)) for name, arch in names}
    assert {row.machine for row in LAYOUTS if id(row) not in met} == DROPPED


def cmos(below: int, above: int = 0) -> bytes:
    """The bytes as in QEMU hw/i386/pc.c, pc_cmos_init_late()."""
    data = bytearray(128)
    extended = min((below - MIB) // KIB, 65535)
    data[0x30:0x32] = data[0x17:0x19] = struct.pack("<H", extended)
    high = min((below - 16 * MIB) // (64 * KIB), 65535) if below > 16 * MIB else 0
    data[0x34:0x36] = struct.pack("<H", high)
    data[0x5B:0x5E] = struct.pack("<I", (above // (64 * KIB)) & 0xFFFFFF)[:3]
    return bytes(data)


@pytest.mark.parametrize(
    ("below", "above"),
    [
        (8 * MIB, 0),
        (2 * MIB + 3 * KIB, 0),
        (16 * MIB, 0),
        (16 * MIB + 64 * KIB, 0),
        (100040 * KIB, 0),
        (0x80000000, 3 * GIB),
        (GIB, GIB),
        (0xC0000000, 5 * TIB + 64 * KIB),
    ],
)
def test_what_the_cmos_says(below: int, above: int) -> None:
    assert below_4g(cmos(below, above), below + above) == below
    assert total_of(cmos(below, above)) <= below + above


@pytest.mark.parametrize(
    ("below", "above", "total"),
    [
        (0x80000000, GIB, 4 * GIB),  # does not add up
        (0x80000000, 0, 3 * GIB),
        (0x80000000, GIB, 2 * GIB),
        (32 * MIB, 0, 16 * MIB),
        (16 * MIB, 0, 16 * MIB + 64 * KIB),
    ],
)
def test_a_cmos_that_does_not_add_up(below: int, above: int, total: int) -> None:
    assert below_4g(cmos(below, above), total) is None


def split(
    total: int,
    *,
    machine: str | None = "pc-q35-10.0",
    arch: str = "x86_64",
    srat: Srat | None = None,
    cmos: bytes | None = None,
    below: int | None = None,
) -> Split:
    layout = layout_of(machine, arch)
    return split_of(machine, layout, total, srat=srat, cmos=cmos, below_4g=below)


def test_the_rule_alone_is_not_certain() -> None:
    found = split(16 * MIB)
    assert (found.pieces, found.certain) == (((0, 16 * MIB),), False)
    assert "max-ram-below-4g" in found.doubts[0]
    fixed = split(16 * MIB, machine="microvm")
    assert (fixed.certain, fixed.doubts) == (True, ())


def test_the_cmos_goes_before_the_rule() -> None:
    found = split(2 * GIB, cmos=cmos(GIB, GIB))
    assert found.pieces == ((0, GIB), (4 * GIB, GIB))
    assert found.certain
    assert "CMOS" in found.basis


def test_a_cmos_that_the_guest_wrote_to_is_not_heeded() -> None:
    found = split(2 * GIB, cmos=cmos(GIB, 2 * GIB))
    assert found.pieces == ((0, 2 * GIB),)
    assert not found.certain
    assert "do not add up" in found.doubts[0]


def test_the_tables_go_before_the_cmos() -> None:
    srat = Srat((Node(0, 0, GIB), Node(1, 4 * GIB, GIB)), ())
    same = split(2 * GIB, srat=srat, cmos=cmos(GIB, GIB))
    assert (same.basis, same.certain, same.doubts) == ("SRAT in the ACPI tables", True, ())
    other = split(2 * GIB, srat=srat, cmos=cmos(512 * MIB, 3 * 512 * MIB))
    assert other.pieces == ((0, GIB), (4 * GIB, GIB))
    assert "differ" in other.doubts[0]


def test_tables_of_another_size_are_not_heeded() -> None:
    srat = Srat((Node(0, 0, GIB),), ())
    found = split(2 * GIB, srat=srat)
    assert found.pieces == ((0, 2 * GIB),)
    assert "tables say" in found.doubts[0]


def test_what_the_caller_says_goes_before_all() -> None:
    found = split(3 * GIB, cmos=cmos(2 * GIB, GIB), below=GIB)
    assert found.pieces == ((0, GIB), (4 * GIB, 2 * GIB))
    assert not found.certain
    assert "according to the file" in found.doubts[0]
    agreed = split(3 * GIB, cmos=cmos(2 * GIB, GIB), below=2 * GIB)
    assert (agreed.certain, agreed.doubts) == (True, ())
    assert split(GIB, below=2 * GIB).pieces == ((0, GIB),)


def test_what_the_caller_says_of_a_machine_without_a_hole() -> None:
    found = split(6 * GIB, machine="virt-10.0", arch="aarch64", below=GIB)
    assert found.pieces == ((0x40000000, 6 * GIB),)
    assert "is ignored" in found.doubts[0]


def test_an_unknown_machine_type() -> None:
    with pytest.raises(UnsupportedError, match=r"'xyz': .*--below-4g"):
        split(GIB, machine="xyz")
    with pytest.raises(UnsupportedError, match="without a machine type"):
        split(GIB, machine=None)
    found = split(6 * GIB, machine="xyz", below=3 * GIB)
    assert found.pieces == ((0, 3 * GIB), (4 * GIB, 3 * GIB))
    assert not found.certain
    assert "as on a PC" in found.doubts[0]


@pytest.mark.parametrize(
    ("machine", "total", "doubted"),
    [
        ("pc-q35-10.0", 2 * GIB + 977 * GIB, True),
        ("pc-q35-10.0", 2 * GIB + 900 * GIB, False),
        ("pc-q35-7.0", 2 * GIB + 977 * GIB, False),
        ("pc-i440fx-7.1", 2 * GIB + 2 * TIB, True),
    ],
)
def test_an_amd_host_keeps_addresses_below_1_tib(machine: str, total: int, doubted: bool) -> None:
    found = split(total, machine=machine, cmos=cmos(2 * GIB, total - 2 * GIB))
    assert found.pieces == ((0, 2 * GIB), (4 * GIB, total - 2 * GIB))
    assert found.certain == (not doubted)
    assert any("AMD" in doubt for doubt in found.doubts) == doubted


def test_tables_tell_of_an_amd_host() -> None:
    srat = Srat((Node(0, 0, 2 * GIB), Node(0, TIB, 2 * TIB)), ())
    found = split(2 * GIB + 2 * TIB, srat=srat, cmos=cmos(2 * GIB, 2 * TIB))
    assert (found.pieces, found.certain) == (((0, 2 * GIB), (TIB, 2 * TIB)), True)
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("machine", "moves"),
    [
        ("pc-q35-7.1", True),
        ("pc-q35-7.0", False),
        ("pc-i440fx-10.0", True),
        ("pc-i440fx-6.2", False),
        ("q35", True),
        (None, True),
    ],
)
def test_which_machine_types_move(machine: str | None, moves: bool) -> None:
    assert moves_above_1t(machine) == moves
