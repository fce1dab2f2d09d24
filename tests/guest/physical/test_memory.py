"""Reading and searching, compared with memory computed byte by byte."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.errors import UnknownPagesError, UnsupportedError
from mappedram.guest.physical import PhysicalMap, PhysicalMemory, Range, search
from mappedram.strategies import RamSpec, SnapshotSpec, SparseFile
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.guest.physical.plain import Guest, guests, matches


@contextmanager
def opened(file: SparseFile, map_: PhysicalMap) -> Iterator[PhysicalMemory]:
    """The memory of a file through a map."""
    with file.opened() as fd, mappedram.open(fd, file.offset) as snapshot:
        yield PhysicalMemory(snapshot, map_)


def files_of(guest: Guest) -> list[SparseFile]:
    """The guest with mapped-ram, with garbage at absent pages, and as a plain stream."""
    return [guest.file(stale=True), guest.spec.stream()]


@given(guests(), st.data())
def test_reads_what_is_there(guest: Guest, data: st.DataObject) -> None:
    gpa, (expected, _) = data.draw(st.sampled_from(list(guest.memory.items())))
    first = data.draw(st.integers(0, len(expected)))
    size = data.draw(st.integers(0, len(expected) - first))
    for file in files_of(guest):
        with opened(file, guest.map) as memory:
            assert memory.read(gpa + first, size) == expected[first : first + size]
            array = memory.array(gpa + first, size)
            assert array.tobytes() == expected[first : first + size]
            assert not array.flags.writeable


@given(guests())
def test_says_which_address_is_not_memory(guest: Guest) -> None:
    gpa, (expected, _) = next(iter(guest.memory.items()))
    end = gpa + len(expected)
    with opened(guest.spec.file(), guest.map) as memory:
        for start, size in ((end, 1), (gpa, len(expected) + 1), (end - 1, 1 << 60)):
            with pytest.raises(ValueError, match=f"^{end:#x}: no known block"):
                memory.read(start, size)
        if gpa:
            with pytest.raises(ValueError, match=f"^{gpa - 1:#x}: no known block"):
                memory.array(gpa - 1, 2)


def test_refuses_negative_numbers() -> None:
    spec = SnapshotSpec("none", 4096, (RamSpec("ram", 4),))
    whole = PhysicalMap((Range(0, 4 * 4096, "ram", 0, True, "", True),), (), ())
    with opened(spec.file(), whole) as memory:
        for gpa, size in ((-1, 1), (0, -1)):
            with pytest.raises(ValueError, match="negative"):
                memory.read(gpa, size)


@given(guests())
def test_runs_of_data(guest: Guest) -> None:
    stored = {
        gpa + index
        for gpa, (_, bits) in guest.memory.items()
        for index, bit in enumerate(bits)
        if bit
    }
    for file in files_of(guest):
        with opened(file, guest.map) as memory:
            runs = [memory.data_runs(one) for one in guest.map.ranges]
            assert all(part.dtype == np.int64 for part in runs)
            together = np.concatenate(runs).tolist()
            assert {at for start, stop in together for at in range(start, stop)} == stored
            for part in runs:
                assert (part[:, 0] < part[:, 1]).all()
                assert (part[1:, 0] > part[:-1, 1]).all()


@given(guests(), st.data())
def test_finds_what_is_there(guest: Guest, data: st.DataObject) -> None:
    """With short steps, so that matches also cross their borders."""
    _, (bytes_, _) = data.draw(st.sampled_from(list(guest.memory.items())))
    first = data.draw(st.integers(0, len(bytes_) - 1))
    length = data.draw(st.integers(1, 40) | st.integers(1, 6000))
    wanted = bytes_[first : first + length]
    step, search.STEP = search.STEP, data.draw(st.sampled_from([1024, 4096, 1 << 18]))
    try:
        for file in files_of(guest):
            with opened(file, guest.map) as memory:
                assert list(memory.search(wanted)) == list(matches(guest, wanted))
                assert list(memory.search(wanted + b"\xfe")) == []
    finally:
        search.STEP = step


def spread(*runs: tuple[int, int]) -> SnapshotSpec:
    """One block of eight pages with some of them stored."""
    return SnapshotSpec("none", 4096, (RamSpec("ram", 8, runs),))


WHOLE = PhysicalMap((Range(0, 8 * 4096, "ram", 0, True, "", True),), (), ())


def test_zeros_are_found_only_where_they_touch_what_is_stored() -> None:
    """The fill of a page ends with a zero byte, and the pages after it are zero."""
    with opened(spread((2, 3), (6, 7)).file(), WHOLE) as memory:
        assert list(memory.search(bytes(4096))) == [3 * 4096 - 1, 7 * 4096 - 1]


def test_zeros_that_are_stored_are_found() -> None:
    file = spread((2, 4)).file()
    with file.opened() as fd, mappedram.open(fd) as snapshot:
        pages_offset = snapshot.block["ram"].model.pages_offset
    assert pages_offset is not None
    zeroed = file.write(pages_offset + 2 * 4096, bytes(2 * 4096))
    with opened(zeroed, WHOLE) as memory:
        found = list(memory.search(bytes(4096)))
    assert found == list(range(4096 + 1, 4 * 4096))


def test_an_empty_pattern_is_refused() -> None:
    with opened(spread().file(), WHOLE) as memory, pytest.raises(ValueError, match="at least one"):
        memory.search(b"")


def test_an_array_is_a_view_where_pages_are_together() -> None:
    with opened(spread((2, 4), (5, 6)).file(), WHOLE) as memory:
        views = [memory.array(2 * 4096 + 5, 8000), memory.array(5 * 4096, 4096)]
        filled = [memory.array(4096, 4096), memory.array(3 * 4096, 3 * 4096)]
        source = memory.block(memory.map.ranges[0]).source
        mapped = source.view(0, source.size)
        assert mapped is not None
        whole = np.frombuffer(mapped, np.uint8)
        assert all(np.shares_memory(whole, view) for view in views)
        assert not any(np.shares_memory(whole, copy) for copy in filled)


def test_what_other_blocks_hold_is_not_searched() -> None:
    """With x-ignore-shared, the file has nothing of a block, not even that it is zero."""
    spec = SnapshotSpec(
        "none",
        4096,
        (RamSpec("ram", 2, ((0, 1),)), RamSpec("shared", 2, ignored=True)),
        capabilities=("x-ignore-shared", "mapped-ram"),
    )
    ranges = (
        Range(0, 4096, "ram", 0, True, "", True),
        Range(4096, 4096, "shared", 0, True, "", True),
    )
    with opened(spec.file(), PhysicalMap(ranges, (), ())) as memory:
        word = memory.read(4096 - 8, 8)
        assert list(memory.search(word, partial=True))[-1] == 4096 - 8
        assert word[0] == 0
        assert 4096 - 8 not in list(memory.search(word + b"\0", partial=True))
        assert 4096 - 16 in list(memory.search(word + b"\0", partial=True))
        for work in (lambda: memory.search(word), lambda: memory.read(4096, 1)):
            with pytest.raises(UnknownPagesError, match="'shared'"):
                work()
        with pytest.raises(UnsupportedError, match="'shared'"):
            memory.data_runs(ranges[1])


def test_bitmaps_that_were_never_written(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["killed"].path) as snapshot:
        physical = snapshot.physical
        one = physical.map.ranges[0]
        for work in (
            lambda: physical.read(0, 1),
            lambda: physical.array(0, 1),
            lambda: physical.search(b"x"),
        ):
            with pytest.raises(UnknownPagesError, match="never written"):
                work()
        assert len(physical.data_runs(one)) == 0
        assert list(physical.search(b"x", partial=True)) == []


def test_a_file_that_is_cut_off(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    with mappedram.open(path) as snapshot:
        block = snapshot.block["pc.ram"]
        last = block.runs()[-1]
        assert block.model.pages_offset is not None
        at = block.model.pages_offset + int(last[1]) * 4096 - 100
        gpa = int(last[0]) * 4096
        with path.open("r+b") as stream:
            stream.truncate(at)
    with mappedram.open(path, partial=True) as snapshot:
        whole = PhysicalMap((Range(0, block.used_length, "pc.ram", 0, True, "", True),), (), ())
        memory = PhysicalMemory(snapshot, whole)
        for work in (
            lambda: memory.read(gpa, 4096),
            lambda: memory.array(gpa, 4096),
            lambda: memory.search(b"nowhere at all"),
        ):
            with pytest.raises(UnknownPagesError):
                work()
        assert len(memory.read(gpa, 4096, partial=True)) == 4096
        assert list(memory.search(b"nowhere at all", partial=True)) == []
