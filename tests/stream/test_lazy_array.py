"""`Block.dask_array`: the bytes of `Block.read`, read where they are used."""

import pickle
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.errors import FormatError, UnknownPagesError, UnsupportedError
from mappedram.stream.block import Block
from mappedram.stream.snapshot import open_snapshot
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
GIB = 1 << 30


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """A file of two blocks; data stands in the place of a page that is not there."""
    path = tmp_path / "stale"
    fill = bytes(range(1, 256)) * PAGE
    blocks = [OracleBlock("a", 16 * PAGE, [(1, 3), (8, 9)], fill[: 4 * PAGE])]
    blocks.append(OracleBlock("b", 5 * PAGE, [(4, 5)], fill[: 4 * PAGE]))
    with path.open("w+b") as stream:
        OracleFile(blocks).write(stream.fileno())
    with mappedram.open(path) as snapshot:
        offset = snapshot.block["a"].model.pages_offset
    assert offset is not None
    with path.open("r+b") as stream:
        stream.seek(offset + 5 * PAGE)
        stream.write(PAGE * b"\xee")
    return path


@pytest.mark.parametrize("chunks", [1000, PAGE, 3 * PAGE, 1 << 20, "10 kiB", ((PAGE, 15 * PAGE),)])
def test_bytes_are_those_of_the_block(stale: Path, chunks: Any) -> None:
    with mappedram.open(stale) as snapshot:
        block = snapshot.block["a"]
        array = block.dask_array(chunks)
        assert array.dtype == np.uint8
        assert array.shape == (block.used_length,)
        assert bytes(array.compute(scheduler="sync")) == block[:]
        assert b"\xee\xee" not in block[:]
        assert int(array.sum().compute(scheduler="threads")) == sum(block[:])


@given(st.data())
def test_slices(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    fill = bytes(range(1, 256)) * PAGE
    pages = [(0, 2), (5, 6), (9, 12)]
    path = tmp_path_factory.mktemp("slices") / "file"
    with path.open("w+b") as stream:
        OracleFile([OracleBlock("a", 12 * PAGE, pages, fill[: 2 * PAGE])]).write(stream.fileno())
    place = data.draw(st.slices(12 * PAGE))
    number = data.draw(st.integers(0, 12 * PAGE - 1))
    with mappedram.open(path) as snapshot:
        block = snapshot.block["a"]
        array = block.dask_array(data.draw(st.sampled_from([777, PAGE, 5 * PAGE])))
        assert bytes(array[place].compute(scheduler="sync")) == block[:][place]
        assert int(array[number].compute(scheduler="sync")) == block[number]
        picked = array[[number, 0]].compute(scheduler="sync")
        assert bytes(picked) == bytes([block[number], block[0]])


def test_absent_chunks_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wide"
    with path.open("w+b") as stream:
        blocks = [OracleBlock("a", 64 * GIB, [(GIB // PAGE, GIB // PAGE + 1)], PAGE * b"x")]
        OracleFile(blocks).write(stream.fileno())
    read: list[tuple[int, int]] = []
    original = Block.read

    def counting(self: Block, offset: int, size: int, *, partial: bool = False) -> bytes:
        read.append((offset, size))
        return original(self, offset, size, partial=partial)

    with mappedram.open(path) as snapshot:
        monkeypatch.setattr(Block, "read", counting)
        array = snapshot.block["a"].dask_array("256 MiB")
        strides = da.map_blocks(_strides, array, chunks=(1,), dtype=int)
        assert strides.compute(scheduler="sync").tolist() == 4 * [0] + [1] + 251 * [0]
    assert read == [(GIB, GIB // 4)]


def _strides(chunk: Any) -> Any:
    return np.array(chunk.strides)


@pytest.fixture(scope="module")
def client() -> Any:
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as connected,
    ):
        yield connected


@pytest.mark.parametrize("name", ["pc", "plain", "stale", "offset-unaligned"])
def test_on_workers(name: str, client: Any, fixtures: Fixtures, stale: Path) -> None:
    path = stale if name == "stale" else fixtures[name].path
    with mappedram.open(path, 0 if name == "stale" else fixtures[name].offset) as snapshot:
        for block in snapshot.blocks:
            array = block.dask_array("1 MiB")
            assert bytes(client.compute(array).result()) == block[:]


def test_a_file_that_changed(client: Any, stale: Path) -> None:
    with mappedram.open(stale) as snapshot:
        array = snapshot.block["b"].dask_array()
        with stale.open("ab") as stream:
            stream.write(b"more")
        with pytest.raises(FormatError, match="has changed since it was opened"):
            client.compute(array).result()


def test_files_that_only_this_process_has(stale: Path) -> None:
    data = stale.read_bytes()
    with mappedram.open(data) as snapshot, stale.open("rb") as stream:
        array = snapshot.block["a"].dask_array()
        assert bytes(array.compute(scheduler="threads")) == snapshot.block["a"][:]
        with mappedram.open(stream) as other:
            for one in (array, other.block["a"].dask_array()):
                with pytest.raises(UnsupportedError, match="opened from a path or a URL"):
                    pickle.dumps(one)


def test_unknown_pages(fixtures: Fixtures) -> None:
    with open_snapshot(fixtures["killed"].path, partial=True) as snapshot:
        block = snapshot.blocks[0]
        with pytest.raises(UnknownPagesError):
            block.dask_array()
        array = block.dask_array(partial=True)
        assert bytes(array[:PAGE].compute(scheduler="sync")) == block.read(0, PAGE, partial=True)


def test_a_copy_has_the_same_name(stale: Path, tmp_path: Path) -> None:
    """So that Dask computes nothing twice."""
    copy = copy_sparse(stale, tmp_path / "copy")
    with mappedram.open(stale) as one, mappedram.open(stale) as same, mappedram.open(copy) as other:
        names = [snapshot.block["a"].dask_array().name for snapshot in (one, same, other)]
    assert names[0] == names[1] != names[2]
