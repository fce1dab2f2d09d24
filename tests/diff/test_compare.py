"""Whole files: one guest that QEMU saved in several ways, and other guests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mappedram
from mappedram.diff import Comparison, PageDifferences, compare
from mappedram.format.constants import SectionType
from tests.conftest import UNFINISHED, Fixture, Fixtures, manifest
from tests.files import copy_sparse, field_place, memory_file, patch
from tests.stream.vmstate.real import DESCRIBED
from tools.oracle import OracleBlock, OracleFile

#: Fixtures that cannot be followed to their end, or whose save did not finish.
TROUBLED = {*UNFINISHED, "background-snapshot", "no-footers-no-vmdesc"}
#: The same guest in files with other layouts.
SHAPES = ["multifd3", "direct-io", "zero-page-none", "offset-unaligned", "plain"]


def compared(a: Fixture | Path, b: Fixture | Path) -> Comparison:
    with opened(a) as one, opened(b) as other:
        return compare(one, other)


@contextmanager
def opened(file: Fixture | Path) -> Iterator[mappedram.Snapshot]:
    place = (file, 0) if isinstance(file, Path) else (file.path, file.offset)
    with mappedram.open(*place) as snapshot:
        yield snapshot


def runs(found: Comparison) -> dict[str, list[list[int]]]:
    return {block.idstr: block.runs().tolist() for block in found.pages if block.count()}


@pytest.mark.parametrize("name", sorted(set(manifest()) - TROUBLED))
def test_every_file_is_the_same_as_itself(name: str, fixtures: Fixtures) -> None:
    try:
        found = compared(fixtures[name], fixtures[name])
    except mappedram.UnsupportedError as error:
        pytest.skip(str(error))
    assert found == Comparison((), (), found.pages, (), (), ())
    assert found.same
    assert not any(block.count() for block in found.pages)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_guest_saved_in_another_way(name: str, fixtures: Fixtures) -> None:
    found = compared(fixtures["pc"], fixtures[name])
    assert found.same
    assert found == Comparison((), (), found.pages, (), (), ())


def test_pages_that_a_running_guest_has_written(fixtures: Fixtures) -> None:
    """In `live`, the guest's code fills and zeroes pages 32 to 47, and the firmware differs."""
    pc, live = fixtures["pc"], fixtures["live"]
    with opened(pc) as a, opened(live) as b:
        found = compare(a, b)
        expected = {
            block.idstr: [
                page for page in range(block.num_pages) if block.page(page) != other.page(page)
            ]
            for block, other in zip(a.blocks, b.blocks, strict=True)
        }
    assert not found.same
    assert found.trouble == ()
    assert {block.idstr: numbers(block) for block in found.pages} == expected
    assert expected["pc.ram"]
    assert set(expected["pc.ram"]) <= set(range(32, 48))
    assert expected["pc.bios"] == [0]


def numbers(block: PageDifferences) -> list[int]:
    return [page for start, stop in block.differing.runs().tolist() for page in range(start, stop)]


def test_stale_pages_do_not_count(fixtures: Fixtures, tmp_path: Path) -> None:
    """Bytes of pages that are not stored, and padding, make no difference."""
    pc = fixtures["pc"]
    copy = copy_sparse(pc.path, tmp_path / "copy")
    with mappedram.open(pc.path) as snapshot:
        block = snapshot.block["pc.ram"]
        assert not block.bitmap[2]
        place = block.model.pages_offset or 0
    patch(copy, place + 2 * 4096, b"stale")
    patch(copy, place - 100, b"padding")
    assert compared(pc, copy).same


def test_machines_of_another_kind(fixtures: Fixtures) -> None:
    found = compared(fixtures["pc"], fixtures["aarch64-virt"])
    assert [(one.name, one.a, one.b) for one in found.headers] == [
        ("machine", "pc-i440fx-10.0", "virt-10.0")
    ]
    blocks = {(one.idstr, one.name): (one.a, one.b) for one in found.blocks}
    assert blocks["pc.ram", "block"] == (16 << 20, None)
    assert blocks["mach-virt.ram", "block"][0] is None
    names = {(one.section.idstr, one.side) for one in found.sections}
    assert ("apic", "a") in names
    assert ("pl011", "b") in names
    assert {one.idstr for one in found.fields} <= {"timer", "cpu_common", "cpu", "fw_cfg"} | {
        "PCIHost",
        "PCIBUS",
        "globalstate",
    }


def test_a_uuid(fixtures: Fixtures, tmp_path: Path) -> None:
    uuid = fixtures["uuid"]
    with mappedram.open(uuid.path) as snapshot:
        offset, length = field_place(snapshot, "/configuration/subsections[1]/body/uuid")
    copy = patch(copy_sparse(uuid.path, tmp_path / "copy"), offset, bytes(length))
    (header,) = compared(uuid, copy).headers
    assert (header.name, header.a, header.b) == ("uuid", b"mappedBa\x81ramfile".hex(), "00" * 16)


def test_a_missing_description_is_a_missing_section(fixtures: Fixtures) -> None:
    found = compared(fixtures["no-vmdesc"], fixtures["pc"])
    (section,) = found.sections
    assert (section.section.type, section.side) == (SectionType.VMDESCRIPTION, "b")
    assert found.fields == ()
    assert runs(found) == {}


@pytest.mark.parametrize("name", sorted(TROUBLED))
def test_what_cannot_be_compared_is_said(name: str, fixtures: Fixtures) -> None:
    file = fixtures[name]
    found = compared(file, file)
    assert found.same is None
    assert found.trouble
    assert all(reason.startswith(f"{file.path}: ") for reason in found.trouble)
    assert bool(found.pages) == (name in {"no-footers-no-vmdesc", "ignore-shared-failed"})


def test_pages_that_are_cut_off() -> None:
    """Pages beyond the end of the file are trouble; the rest is still compared."""
    with memory_file() as fd, memory_file() as short:
        model = OracleFile([OracleBlock("a", 4096, [(0, 1)]), OracleBlock("b", 4096, [(0, 1)])])
        model.write(fd)
        model.write(short)
        with mappedram.open(fd) as one, mappedram.open(short) as other:
            os.ftruncate(short, other.block["b"].model.pages_offset or 0)
            found = compare(one, other)
    assert [block.idstr for block in found.pages] == ["a"]
    assert len(found.trouble) == 1
    assert "the file has shrunk" in found.trouble[0]


def test_blocks_of_other_lengths_are_compared_as_far_as_both_go() -> None:
    with memory_file() as first, memory_file() as second:
        OracleFile([OracleBlock("ram", 64 << 10, [(0, 16)], b"x")]).write(first)
        OracleFile([OracleBlock("ram", 32 << 10, [(0, 7)], b"x")]).write(second)
        with mappedram.open(first) as a, mappedram.open(second) as b:
            found = compare(a, b)
    (block,) = found.blocks
    assert (block.idstr, block.name, block.a, block.b) == ("ram", "used_length", 65536, 32768)
    assert runs(found) == {"ram": [[0x7000, 0x8000]]}


def test_blocks_in_another_order() -> None:
    blocks = [OracleBlock("a", 4096, [(0, 1)], b"a"), OracleBlock("b", 8192, [(1, 2)], b"b")]
    with memory_file() as first, memory_file() as second:
        OracleFile(blocks).write(first)
        OracleFile(blocks[::-1], parts=3, footers=False).write(second)
        with mappedram.open(first) as a, mappedram.open(second) as b:
            assert compare(a, b).same


def test_what_is_behind_the_end_of_a_file_is_not_missing(
    fixtures: Fixtures, tmp_path: Path
) -> None:
    pc = fixtures["pc"].path
    cut = copy_sparse(pc, tmp_path / "cut")
    os.truncate(cut, 0x1603000)
    found = compared(pc, cut)
    assert found == Comparison((), (), found.pages, (), (), found.trouble)
    assert found.same is None
    assert "not followed to its end" in found.trouble[0]


@pytest.mark.parametrize("length", [1 << 50, 1 << 46])
def test_absurd_lengths_are_trouble(length: int) -> None:
    """A block in a sparse file takes no space, but its bitmap would take memory."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", length)], page_size=1024).write(fd)
        with mappedram.open(fd) as a, mappedram.open(fd) as b:
            found = compare(a, b)
    assert found.same is None
    assert "more than any guest has" in found.trouble[0]


@pytest.mark.parametrize("name", DESCRIBED)
def test_state_of_a_snapshot(name: str, fixtures: Fixtures) -> None:
    with opened(fixtures[name]) as snapshot:
        assert snapshot.state is snapshot.state
        assert len(snapshot.state) == sum(s.type == SectionType.FULL for s in snapshot.sections)
