"""Round trips: we write the same as QEMU, and QEMU loads it."""

from functools import partial
from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.export.stream import to_stream
from mappedram.format.constants import SectionType
from tests.conftest import UNFINISHED, Fixtures, manifest
from tests.qemu.test_fresh import BY_NAME, binary, loader_of
from tests.qemu.test_load import MIB, SEEN
from tools.qemu import Machine

#: Files that are restored exactly: they only have parts that both forms hold.
EXACT = [
    *("aarch64-virt", "arm-1k", "direct-io", "ignore-shared", "many-runs", "memory-backend"),
    *("microvm", "multifd3", "no-footers", "none", "numa2", "pc", "q35", "riscv64-virt", "uuid"),
]
WHOLE = [
    "compress",
    *(
        name
        for name, entry in manifest().items()
        if "mapped-ram" in entry["capabilities"]
        and name not in {*UNFINISHED, "background-snapshot", "no-footers-no-vmdesc"}
    ),
]


def converted_to_stream(fixtures: Fixtures, name: str, out: Path) -> Path:
    fixture = fixtures[name]
    with (
        mappedram.open(fixture.path, fixture.offset) as snapshot,
        out.open("w+b") as target,
    ):
        to_stream(snapshot, target.fileno())
    return out


def converted_to_mapped_ram(path: Path, out: Path) -> Path:
    with mappedram.open(path) as snapshot, out.open("w+b") as target:
        lay_out(snapshot, target.fileno(), OutputLayout(channels=2))
    return out


def test_the_stream_is_the_one_that_qemu_writes(fixtures: Fixtures, tmp_path: Path) -> None:
    """The same guest, saved by QEMU with and without the capability."""
    stream = converted_to_stream(fixtures, "pc", tmp_path / "stream")
    assert stream.read_bytes() == fixtures["plain"].path.read_bytes()


def test_the_mapped_file_is_the_one_that_qemu_writes(fixtures: Fixtures, tmp_path: Path) -> None:
    mapped = converted_to_mapped_ram(fixtures["plain"].path, tmp_path / "mapped")
    assert mapped.read_bytes() == fixtures["pc"].path.read_bytes()


def test_a_stream_as_a_stream(fixtures: Fixtures, tmp_path: Path) -> None:
    """Its pages are written only once."""
    stream = converted_to_stream(fixtures, "plain", tmp_path / "stream")
    assert stream.read_bytes() == fixtures["plain"].path.read_bytes()


def test_a_stream_without_end_of_ram(fixtures: Fixtures, tmp_path: Path) -> None:
    """A background save has none; the converted file has one, before the devices."""
    fixture = fixtures["background-snapshot-plain"]
    mapped = converted_to_mapped_ram(fixture.path, tmp_path / "mapped")
    assert check(mapped).verdict == "clean"
    with mappedram.open(fixture.path) as old, mappedram.open(mapped) as new:
        assert new.stream.ram_ended
        assert [block.idstr for block in new.blocks] == [block.idstr for block in old.blocks]
        for block in old.blocks:
            data = block.read(0, block.used_length)
            assert new.block[block.idstr].read(0, block.used_length) == data
        devices = [s.idstr for s in old.sections if s.type == SectionType.FULL]
        assert [s.idstr for s in new.sections if s.type == SectionType.FULL] == devices
    stream = converted_to_stream(fixtures, fixture.name, tmp_path / "stream")
    assert {finding.code for finding in check(stream).findings} == {"MR012"}


@pytest.mark.parametrize("name", WHOLE)
def test_there_and_back(fixtures: Fixtures, tmp_path: Path, name: str) -> None:
    fixture = fixtures[name]
    stream = converted_to_stream(fixtures, name, tmp_path / "stream")
    if name != "no-configuration":
        assert check(stream).verdict == "clean"
    back = converted_to_mapped_ram(stream, tmp_path / "back")
    assert check(back).verdict == "clean"
    if name in EXACT:
        assert back.read_bytes() == fixture.path.read_bytes()
        return
    with mappedram.open(fixture.path, fixture.offset) as old, mappedram.open(back) as new:
        for block in old.blocks:
            again = new.block[block.idstr]
            assert again.read(0, block.used_length) == block.read(0, block.used_length)
        sections = [(s.type, s.idstr, s.length) for s in old.sections if s.idstr != "ram"]
        kept = [(s.type, s.idstr, s.length) for s in new.sections if s.idstr != "ram"]
        assert sorted(map(str, kept)) == sorted(map(str, sections))


@pytest.mark.qemu
@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("capabilities", [(), ("mapped-ram",)], ids=["stream", "mapped-ram"])
def test_qemu_loads_both(
    fixtures: Fixtures, tmp_path: Path, name: str, capabilities: tuple[str, ...]
) -> None:
    idstr, gpa, first, length = SEEN[name]
    path = converted_to_stream(fixtures, name, tmp_path / "stream")
    if capabilities:
        path = converted_to_mapped_ram(path, tmp_path / "mapped")
    fixture = BY_NAME[name]
    arguments = fixture.prepare(tmp_path, blank=True)
    with Machine(loader_of(name), arguments, incoming=True) as machine:
        machine.load(path, capabilities=capabilities)
        machine.pmemsave(gpa, length, tmp_path / "memory")
    with mappedram.open(fixtures[name].path) as snapshot:
        expected = snapshot.block[idstr].read(first, length)
    assert (tmp_path / "memory").read_bytes() == expected


def differences(machine: Machine) -> int:
    """Number of pages that QEMU has sent as XBZRLE so far."""
    return int(machine.migration().get("xbzrle-cache", {}).get("pages", 0))


def differs_or_ended(machine: Machine) -> bool:
    return differences(machine) > 0 or machine.migration().get("status") == "completed"


def saved_with_differences(folder: Path) -> tuple[Path, Path]:
    """A stream of a guest that writes meanwhile, and its memory at the end.

    A save that ends with its first pass has no differences; then another guest is used.
    """
    fixture = BY_NAME["live"]
    path, memory = folder / "stream", folder / "memory"
    for _ in range(10):
        with Machine(binary("x86_64"), fixture.prepare(folder)) as machine:
            machine.qmp("cont")
            machine.start_save(
                path,
                capabilities=("xbzrle",),
                parameters={
                    "max-bandwidth": MIB,
                    "downtime-limit": 1,
                    "xbzrle-cache-size": 64 * MIB,
                },
            )
            machine.wait_until(partial(differs_or_ended, machine), "send differences")
            if differences(machine) == 0:
                continue
            if machine.migration()["status"] != "completed":
                machine.qmp("migrate-set-parameters", max_bandwidth=0, downtime_limit=1000)
            machine.wait_migrated()
            machine.pmemsave(MIB, 15 * MIB, memory)
            return path, memory
    raise AssertionError("no save sent a difference")


@pytest.mark.qemu
def test_a_live_stream_with_xbzrle(tmp_path: Path) -> None:
    """Several iterations with differences; the last record of a page counts."""
    path, memory = saved_with_differences(tmp_path)
    with mappedram.open(path) as snapshot:
        assert snapshot.complete
        assert snapshot.block["pc.ram"].read(MIB, 15 * MIB) == memory.read_bytes()
