"""Guest memory through the layer: the same bytes for reads of any size and place."""

import random
import tracemalloc
from pathlib import Path

import pytest

import mappedram
from mappedram import FormatError, TruncatedError, UnsupportedError
from mappedram.export.volatility.memory import CHUNK, GuestMemory
from mappedram.guest.physical import physical_map
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot
from tests.conftest import Fixtures
from tests.files import copy_sparse, memory_file
from tests.stream.libvirt.samples import COMPRESSED, SPARSE, Samples, skip_without_decompressor
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
GIB = 1 << 30
#: Bare files that begin at byte 0: Volatility cannot set another offset.
FIXTURES = ["pc", "q35", "microvm", "numa2", "aarch64-virt", "riscv64-virt", "plain", "none"]


def whole(snapshot: OpenSnapshot, start: int, stop: int) -> bytes:
    """A span read in another way: block by block, without the layer's chunks."""
    return b"".join(
        snapshot.block[one.idstr].read(one.offset, one.size)
        for one in physical_map(snapshot).ranges
        if start <= one.gpa < stop
    )


def check(path: Path) -> None:
    """Compare every byte, in small and large pieces at random places."""
    chance = random.Random(1)
    memory = GuestMemory(str(path))
    with open_any(path) as (snapshot, _):
        assert memory.spans
        for start, stop in memory.spans:
            expected = whole(snapshot, start, stop)
            assert len(expected) == stop - start
            for size in (1, 8, PAGE, CHUNK, CHUNK + 1, 5 * CHUNK):
                for _ in range(20):
                    length = min(size, stop - start)
                    first = chance.randrange(stop - start - length + 1)
                    assert memory.read(start + first, length) == expected[first : first + length]
            assert memory.read(stop - 1, 1) == expected[-1:]
            check_stored(memory, start, stop, expected)
    memory.close()


def check_stored(memory: GuestMemory, start: int, stop: int, expected: bytes) -> None:
    """Skipped parts and the margins around the others are zero."""
    margin, place = 3000, start
    for first, last in memory.stored(start, stop, margin):
        assert place <= first < last <= stop
        assert not expected[place - start : first - start].strip(b"\0")
        assert first in (start, place) or not memory.read(first, margin).strip(b"\0")
        assert last == stop or not memory.read(last - margin, margin).strip(b"\0")
        place = last
    assert not expected[place - start :].strip(b"\0")


@pytest.mark.parametrize("name", FIXTURES)
def test_reads_what_is_there(fixtures: Fixtures, name: str) -> None:
    check(fixtures[name].path)


@pytest.mark.parametrize("name", [*SPARSE, *COMPRESSED, "raw"])
def test_reads_save_images_of_libvirt(samples: Samples, name: str) -> None:
    skip_without_decompressor(name)
    check(samples[name].path)


def test_spans(fixtures: Fixtures) -> None:
    """Adjacent pieces are one span, whatever blocks they belong to."""
    memory = GuestMemory(str(fixtures["numa2"].path))
    assert memory.spans == ((0, 32 << 20), (0xFFFF0000, 1 << 32))
    assert memory.span(32 << 20) is None
    assert memory.span((32 << 20) - 1) == (0, 32 << 20)
    assert memory.span(0xFFFF0000 - 1) is None
    assert memory.span(1 << 32) is None
    assert list(memory.overlapping(100, 0xFFFF0001)) == [(100, 32 << 20), (0xFFFF0000, 0xFFFF0001)]
    memory.close()


def test_a_part_of_memory_is_searched_alone(fixtures: Fixtures) -> None:
    memory = GuestMemory(str(fixtures["none"].path))
    ((start, stop),) = memory.spans
    everything = list(memory.stored(start, stop, 0))
    first, last = everything[0]
    assert list(memory.stored(first + 5, last - 7, PAGE)) == [(first + 5, last - 7)]
    assert list(memory.stored(stop, stop + PAGE, 0)) == []
    memory.close()


def test_what_is_uncertain_is_said(fixtures: Fixtures) -> None:
    certain = GuestMemory(str(fixtures["pc"].path))
    assert certain.doubts == ()
    guessed = GuestMemory(str(fixtures["numa2"].path))
    assert any("node0" in doubt for doubt in guessed.doubts)
    certain.close()
    guessed.close()


def refused(path: Path) -> FormatError:
    """The error of a refused file."""
    with pytest.raises(FormatError) as caught:
        GuestMemory(str(path))
    return caught.value


def test_files_that_say_nothing_are_refused(fixtures: Fixtures, tmp_path: Path) -> None:
    assert "bitmap was never written" in str(refused(fixtures["killed"].path))
    empty = tmp_path / "empty"
    empty.write_bytes(b"QEVM\0\0\0\3")
    assert isinstance(refused(empty), TruncatedError)
    with empty.open("wb") as file:
        OracleFile([OracleBlock("strange.ram", 1 << 20)], machine="strange").write(file.fileno())
    assert isinstance(refused(empty), UnsupportedError)


def test_a_page_that_is_missing_costs_no_other(fixtures: Fixtures, tmp_path: Path) -> None:
    """A file with complete headers can only lose pages while it is read."""
    path = copy_sparse(fixtures["none"].path, tmp_path / "shrinking")
    with mappedram.open(path) as snapshot:
        block = snapshot.block["ram"]
        missing = (int(block.runs()[-1, 1]) - 1) * PAGE
        before = block.read(missing - 8, 8)
        assert block.model.pages_offset is not None
        end = block.model.pages_offset + missing
    memory = GuestMemory(str(path))
    with path.open("r+b") as file:
        file.truncate(end)
    assert memory.read(missing - 8, 8) == before
    with pytest.raises(TruncatedError):
        memory.read(missing, 8)
    memory.close()


def peak(size: int) -> int:
    """Peak memory in bytes for opening a guest of `size` bytes and reading all stored pages."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", size, [(0, 1)])]).write(fd)
        with mappedram.open(fd) as snapshot:
            place = snapshot.block["ram"].model.bitmap_offset
        assert place is not None
        # Every other page: the most runs possible.
        with open(f"/proc/self/fd/{fd}", "r+b") as file:
            file.seek(place)
            file.writelines(b"\x55" * 1024 for _ in range(size // PAGE // 8 >> 10))
        tracemalloc.start()
        memory = GuestMemory(f"/proc/self/fd/{fd}")
        assert list(memory.stored(0, size, PAGE)) == [(0, size)]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        memory.close()
    return most


def test_memory_grows_with_the_bitmap_and_not_with_pages() -> None:
    small, large = 16 * GIB, 64 * GIB
    bitmaps = (large - small) // PAGE // 8
    assert peak(large) - peak(small) < 2 * bitmaps
