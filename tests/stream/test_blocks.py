"""A RAM block as Python's own types have it: slices, length, arrays, runs of pages, texts."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram import (
    MappedRamError,
    OutOfRangeError,
    UnknownNameError,
    UnknownPagesError,
    strategies,
)
from mappedram.check import check, find
from mappedram.diff import compare
from mappedram.format import drivers
from mappedram.fuzz.derived import records
from mappedram.qemu.loader import newest
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.block import Block
from tests.conftest import Fixtures
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
STORED = [(1, 3), (5, 6)]


def memory() -> bytes:
    """What a block of eight pages holds of which those of `STORED` are in the file."""
    held = bytearray(8 * PAGE)
    for start, stop in STORED:
        for page in range(start, stop):
            held[page * PAGE : (page + 1) * PAGE] = bytes([page + 1]) * PAGE
    return bytes(held)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    held = memory()
    with mappedram.create(
        path, machine="pc", page_size=PAGE, blocks=[mappedram.BlockSpec("pc.ram", len(held))]
    ) as writer:
        for start, stop in STORED:
            writer.write_pages("pc.ram", start, held[start * PAGE : stop * PAGE])
        writer.finish()
    return path


@pytest.mark.parametrize(
    "place",
    [
        slice(None),
        slice(PAGE - 1, PAGE + 1),
        slice(-5, None),
        slice(10, 5),
        slice(0, 1 << 40),
        slice(2 * PAGE, 3 * PAGE, 1),
        slice(3 * PAGE, 5 * PAGE + 7),
    ],
    ids=str,
)
def test_slices_are_those_of_bytes(file: Path, place: slice) -> None:
    with mappedram.open(file) as snapshot:
        assert snapshot.block["pc.ram"][place] == memory()[place]


def test_bytes_and_length(file: Path) -> None:
    held = memory()
    with mappedram.open(file) as snapshot:
        block = snapshot.block["pc.ram"]
        assert len(block) == len(held) == block.used_length
        assert [block[PAGE], block[-1], block[np.int64(0)]] == [2, 0, 0]
        for place in (len(held), -len(held) - 1):
            with pytest.raises(OutOfRangeError, match="has 0x8000 bytes"):
                block[place]


@pytest.mark.parametrize("step", [2, -1, 0])
def test_a_step_is_refused(file: Path, step: int) -> None:
    with (
        mappedram.open(file) as snapshot,
        pytest.raises(ValueError, match="step: expected none"),
    ):
        snapshot.block["pc.ram"][0:100:step]


def test_nobody_goes_through_it_byte_by_byte(file: Path) -> None:
    with mappedram.open(file) as snapshot, pytest.raises(TypeError):
        iter(snapshot.block["pc.ram"])


def test_a_block_without_bytes_is_there(tmp_path: Path) -> None:
    with (tmp_path / "empty").open("w+b") as stream:
        OracleFile([OracleBlock("a", 0), OracleBlock("b", PAGE)]).write(stream.fileno())
    with mappedram.open(tmp_path / "empty", partial=True) as snapshot:
        assert [len(block) for block in snapshot.blocks] == [0, PAGE]
        assert all(snapshot.blocks)


def test_an_array_is_a_view_where_pages_stand_together(file: Path) -> None:
    held = np.frombuffer(memory(), np.uint8)
    with mappedram.open(file) as snapshot:
        block, source = snapshot.block["pc.ram"], snapshot.source
        whole = np.frombuffer(source.view(0, source.size) or b"", np.uint8)
        for offset, size, is_view in [
            (PAGE, 2 * PAGE, True),
            (PAGE + 5, 100, True),
            (5 * PAGE, PAGE, True),
            (0, PAGE, False),
            (2 * PAGE, 2 * PAGE, False),
            (0, 8 * PAGE, False),
            (PAGE, 0, False),
        ]:
            found = block.array(offset, size)
            assert found.dtype == np.uint8
            assert found.tolist() == held[offset : offset + size].tolist()
            assert np.shares_memory(found, whole) == is_view
            assert not found.flags.writeable
        with pytest.raises(OutOfRangeError, match="has 0x8000 bytes"):
            block.array(PAGE, 8 * PAGE)
    assert found.tolist() == []


def test_an_array_outlives_the_snapshot(file: Path) -> None:
    with mappedram.open(file) as snapshot:
        found = snapshot.block["pc.ram"].array(PAGE, PAGE)
    assert found.tolist() == [2] * PAGE


def test_an_array_of_bytes_cannot_be_written(file: Path) -> None:
    data = bytearray(file.read_bytes())
    with mappedram.open(data) as snapshot:
        found = snapshot.block["pc.ram"].array(PAGE, PAGE)
        assert np.shares_memory(found, np.frombuffer(data, np.uint8))
        assert not found.flags.writeable


def test_the_pages_in_the_file(file: Path) -> None:
    held = np.frombuffer(memory(), np.uint8).reshape(-1, PAGE)
    with mappedram.open(file) as snapshot:
        block = snapshot.block["pc.ram"]
        runs = list(block.pages())
        assert [(run.index, run.index + len(run)) for run in runs] == STORED
        single = list(block.pages(limit=1))
        assert [(run.index, len(run)) for run in single] == [(1, 1), (2, 1), (5, 1)]
        for run in runs + single:
            assert run.offset == run.index * PAGE
            assert (run.data == held[run.index : run.index + len(run)]).all()
            assert not run.data.flags.writeable


def test_the_pages_of_a_stream_without_mapped_ram(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["plain"].path) as snapshot:
        for block in snapshot.blocks:
            found = bytearray(len(block))
            for run in block.pages():
                found[run.offset : run.offset + run.data.nbytes] = run.data.tobytes()
            assert bytes(found) == block[:]


def test_unknown_pages_are_not_passed_over(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["killed"].path, partial=True) as snapshot:
        block = next(one for one in snapshot.blocks if one.coverage.unknown)
        for ask in (lambda: block[:], lambda: block.array(0, len(block)), lambda: block.pages()):
            with pytest.raises(UnknownPagesError):
                ask()
        assert sum(map(len, block.pages(partial=True))) == block.stored.count()


# Names, codes and offsets that are not there.


def test_an_unknown_name_tells_the_known_ones(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["pc"].path) as snapshot:
        for ask, said in (
            (lambda: snapshot.block["pc.rom_"], r"no block 'pc.rom_'; there are .*'pc.ram'"),
            (lambda: snapshot.state["cpux"], r"no device 'cpux'; there are .*'port92'"),
            (lambda: snapshot.state["cpu"]["nonsense"], "no field of 'cpu', instance 0, 'nonsense"),
            (lambda: snapshot.place("/ram/blocks[99]", "x"), r"no structure '/ram/blocks\[99\]'"),
            (lambda: snapshot.place("/ram/blocks[0]", "x"), "no field of .* 'x'; there are"),
            (lambda: find("MR999"), "no rule 'MR999'; there are 'MR001'"),
            (lambda: newest("8.2"), "no release of QEMU '8.2'; there are '9.0"),
            (lambda: drivers.get("x"), "no driver 'x'; there are 'construct', 'kaitai'"),  # type: ignore[arg-type]
            (lambda: records("x"), "no structure 'x'; there are "),
            (lambda: strategies.broken("MR999"), "no rule 'MR999'"),
            (lambda: check(fixtures["pc"].path, release="1"), "no release of QEMU '1'"),
        ):
            with pytest.raises(UnknownNameError, match=said) as caught:
                ask()
            assert isinstance(caught.value, KeyError)
            assert isinstance(caught.value, MappedRamError)
        assert snapshot.block.get("nothing") is None
        assert "nothing" not in snapshot.block
        assert snapshot.block["pc.ram"].idstr == "pc.ram"


def test_many_names_are_not_all_told() -> None:
    error = UnknownNameError("block", "x", range(100))
    assert str(error).endswith("15 and 84 more")
    assert len(error.known) == 100
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.known) == (str(error), error.known)
    assert "none at all" in str(UnknownNameError("block", "x", []))


def test_an_offset_outside(file: Path) -> None:
    with mappedram.open(file) as snapshot:
        block = snapshot.block["pc.ram"]
        for offset, size in ((-1, 1), (8 * PAGE, 1), (0, 8 * PAGE + 1), (0, -1)):
            with pytest.raises(OutOfRangeError) as caught:
                block.read(offset, size)
            assert isinstance(caught.value, ValueError)
        with pytest.raises(OutOfRangeError, match="no known block"):
            snapshot.physical.read(1 << 50, 1)
        with pytest.raises(OutOfRangeError, match="page 8 of 8"):
            block.bitmap[8]
        with pytest.raises(OutOfRangeError, match="pages within 0 to 8"):
            Bitmap.from_runs([(7, 9)], 8)
    with pytest.raises(OutOfRangeError, match="below_4g"):
        mappedram.physical(file, below_4g=0)


# Texts for people.


def test_what_things_look_like(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as snapshot:
        block = snapshot.block["pc.ram"]
        header = block.model.mapped_ram
        assert header is not None
        size = f"{len(block):#x} bytes"
        place = f"pages of 0x1000 at {header.pages_offset:#x}"
        assert repr(block) == f"<Block 'pc.ram': {size}, {place}>"
        assert repr(snapshot).startswith(f"<Snapshot {str(path)!r}: machine pc-i440fx")
        assert repr(snapshot).endswith(" sections, complete>")
        first = snapshot.sections[0]
        assert repr(first).startswith(f"<Section {first.path}: {first.type.name}")
        assert repr(first).endswith(f"{first.offset:#x}+{first.length:#x}>")
        assert (
            repr(snapshot.source)
            == f"<FileSource {str(path)!r} of {snapshot.source.size:#x} bytes>"
        )
        assert repr(snapshot.physical).startswith(f"<PhysicalMemory of {str(path)!r}: ")
        assert "'pc.ram' from 0x0 on" in repr(snapshot.physical.map.ranges[0])
        assert repr(block.bitmap) == f"<Bitmap: {block.bitmap.count()} of {block.num_pages} pages>"
        assert repr(snapshot.state["cpu"]).startswith("<DeviceState 'cpu', instance 0: ")
        assert repr(next(block.pages())).startswith("<PageRun: ")
        assert repr(compare(snapshot, snapshot)).startswith("<Comparison: same; 0 in headers")
        assert isinstance(block, Block)
        short = [snapshot, block, snapshot.stream, snapshot.state, snapshot.physical.map]
        assert all(len(repr(one)) < 300 for one in short)
    report = check(fixtures["killed"].path)
    assert f": {report.verdict}; findings: " in repr(report)
    assert len(repr(report)) < 300
    worst = report.findings[0]
    assert repr(worst).startswith(f"<Finding {worst.code} {worst.severity}")
    assert worst.message in repr(worst)
