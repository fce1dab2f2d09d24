"""The map of a file, compared with the address space of the QEMU that wrote it."""

import re
import shlex
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

import mappedram
from mappedram.guest.machine import family_of
from mappedram.guest.physical import Range, physical_map
from mappedram.guest.physical.boards import BOARD_BASIS
from mappedram.guest.physical.devices import virtio_mem
from mappedram.guest.physical.rules import layout_of
from tests.guest.physical.configurations import CONFIGURATIONS
from tests.guest.physical.mtree import Seen, seen
from tests.qemu.test_fresh import binary
from tools.qemu import Machine
from tools.qemu.firmware import FIRMWARE
from tools.qemu.machine import version

MIB = 1 << 20
#: Blocks that are not for programs; QEMU calls them RAM on machines where the guest can write to
#: them.
ROMS = re.compile(r"pc\.(bios|rom)|zynqmp\.ocm_.*|homer-.*")


def ours(one: Range) -> Seen:
    """A range of the map as QEMU would print it."""
    kind = "ram" if one.is_ram else "rom"
    return Seen(one.gpa, one.end, kind, one.idstr.rpartition("/")[2], one.offset)


def theirs(one: Seen) -> Seen:
    """QEMU's range, without differences that the map ignores."""
    kind = "ram" if one.kind in ("ram", "nv-ram") and not ROMS.fullmatch(one.name) else "rom"
    return Seen(one.gpa, one.end, kind, one.name, one.offset)


def joined(ranges: list[Seen]) -> list[Seen]:
    """Join contiguous parts of one range."""
    found: list[Seen] = []
    for one in ranges:
        last = found[-1] if found else None
        if last and _follows(last, one):
            found[-1] = Seen(last.gpa, one.end, last.kind, last.name, last.offset)
        else:
            found.append(one)
    return found


def _follows(last: Seen, one: Seen) -> bool:
    ends = (last.kind, last.name, last.end, last.offset + last.end - last.gpa)
    return ends == (one.kind, one.name, one.gpa, one.offset)


def placed(ranges: Sequence[Seen]) -> list[tuple[int, int, str, int]]:
    """Block of each range of addresses, whether writable or not."""
    alike = [Seen(one.gpa, one.end, "", one.name, one.offset) for one in ranges]
    return [(one.gpa, one.end, one.name, one.offset) for one in joined(alike)]


@pytest.mark.qemu
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_map(tmp_path: Path, name: str) -> None:
    configuration = CONFIGURATIONS[name]
    (tmp_path / "halt.bin").write_bytes(FIRMWARE["halt.bin"])
    args = ["-accel", "tcg", *shlex.split(configuration.args.format(dir=tmp_path))]
    emulator = binary(configuration.arch)
    until = configuration.until or (1 << 16, 0, 0)
    if not configuration.since <= version(emulator) < until:
        pytest.skip("this QEMU has no such machine, or maps it otherwise (docs/physical.md)")
    with Machine(emulator, args) as machine:
        expected = [theirs(one) for one in seen(machine) if one.name not in configuration.elsewhere]
        machine.save(tmp_path / "file")
    with mappedram.open(tmp_path / "file") as snapshot:
        found = snapshot.physical.map
        family, _ = family_of(snapshot.stream) or (None, None)
        blocks = {block.idstr for block in snapshot.blocks}
    assert joined([ours(one) for one in found.ranges]) == joined(expected)
    assert {one.idstr for one in found.ranges if not one.certain} == configuration.unsure
    assert bool(found.doubts) == bool(configuration.unsure)
    assert {one.idstr for one in found.ranges} | set(found.unplaced) == blocks

    # Ends of the pieces of main memory, by the rule alone.
    others = {one.idstr for one in found.ranges if "DIMM" in one.basis or one.basis == BOARD_BASIS}
    main = {one.idstr for one in found.ranges if one.is_ram} - others
    total = sum(b.used_length for b in snapshot.stream.blocks if b.idstr in main)
    assert family is not None
    layout = layout_of(snapshot.stream.machine, family.arch)
    assert layout is not None
    ruled = {gpa + size for gpa, size in layout.pieces(total)}
    assert (ruled <= {one.end for one in expected}) == configuration.ruled


@pytest.mark.qemu
@pytest.mark.parametrize("machine_type", ["pc", "q35"])
@pytest.mark.parametrize("capabilities", [("mapped-ram",), ()], ids=["mapped-ram", "stream"])
def test_memory_of_a_guest_that_has_run(
    tmp_path: Path, machine_type: str, capabilities: tuple[str, ...]
) -> None:
    """Firmware that has run has mapped RAM in place of ROM; every byte equals QEMU's."""
    args = ["-accel", "tcg", "-M", f"{machine_type}", "-m", "32M", "-device", "secondary-vga"]
    path, memory = tmp_path / "file", tmp_path / "memory"
    with Machine(binary("x86_64"), args) as machine:
        machine.qmp("cont")
        # The firmware turns the segment at 0xf0000 into RAM, and finally write-protects it.
        machine.wait_until(
            lambda: any(
                one.name == "pc.ram" and one.kind == "rom" and one.gpa <= 0xF0000 < one.end
                for one in seen(machine)
            ),
            "shadowing its firmware",
        )
        machine.qmp("stop")
        expected = placed([one for one in seen(machine) if one.name != "vga.vram"])
        pieces = {}
        for gpa, end, _, _ in expected:
            machine.pmemsave(gpa, end - gpa, memory)
            pieces[gpa] = memory.read_bytes()
        machine.save(path, capabilities=capabilities)
    with mappedram.open(path) as snapshot:
        physical = snapshot.physical
        assert placed([ours(one) for one in physical.map.ranges]) == expected
        for gpa, data in pieces.items():
            assert physical.read(gpa, len(data)) == data
            assert physical.array(gpa, len(data)).tobytes() == data
        banner = b"SeaBIOS"
        found = [
            gpa + match.start()
            for gpa, data in pieces.items()
            for match in re.finditer(banner, data)
        ]
        assert found
        assert list(physical.search(banner)) == found


@pytest.mark.qemu
def test_virtio_mem_of_a_machine_type_before_8_0(tmp_path: Path) -> None:
    """All of its state is within that of virtio; nobody in this guest plugs memory in."""
    path, size = tmp_path / "file", 1 << 30
    args = "-accel tcg -M pc-q35-7.2 -m 1G,maxmem=4G -device virtio-mem-pci,memdev=vm0 -object"
    command = [*args.split(), f"memory-backend-ram,id=vm0,size={size}"]
    with Machine(binary("x86_64"), command) as machine:
        machine.save(path)
    with mappedram.open(path) as snapshot:
        assert list(virtio_mem(snapshot)) == [((4 << 30, size), [], "")]
        device = snapshot.state["0000:00:01.0/virtio-mem"]
        data = device["virtio"]
        assert isinstance(data, bytes)
        begin = data.index(struct.pack(">QQQ", 4 << 30, size, 2 * MIB))
        plugged = struct.pack(">QQQQ", size, 6 * MIB, 8 * MIB, 0b1101)  # three parts of 2 MiB
        device["virtio"] = data[: begin + 28] + plugged + data[begin + 28 + len(plugged) :]
        found = [one for one in physical_map(snapshot).ranges if one.idstr.endswith("/vm0")]
    assert [(one.gpa, one.size, one.offset, one.certain) for one in found] == [
        (4 << 30, 2 * MIB, 0, True),
        ((4 << 30) + 4 * MIB, 4 * MIB, 4 * MIB, True),
    ]
