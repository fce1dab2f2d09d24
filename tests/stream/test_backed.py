"""Blocks that a save left out, read from the file behind their memory backend."""

import io
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram.errors import BackingError, TruncatedError, UnknownPagesError
from tests.conftest import Fixtures
from tools.qemu import pattern
from tools.qemu.table import RUNS

MIB = 1 << 20
TEMPLATES = ["template", "template-plain"]


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """The memory of the guest, as QEMU had it."""
    path = tmp_path / "mem.raw"
    pattern.fill(path, 16 * MIB, 4096, RUNS, pattern.seed(b"RAM0"))
    return path


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_block_is_the_file(fixtures: Fixtures, memory: Path, name: str) -> None:
    with mappedram.open(fixtures[name].path) as snapshot:
        assert snapshot.block["mem"].coverage.is_left_out
        with pytest.raises(UnknownPagesError):
            snapshot.block["mem"].read(0, 1)
    data = memory.read_bytes()
    with mappedram.open(fixtures[name].path, memory={"mem": memory}) as snapshot:
        block = snapshot.block["mem"]
        assert snapshot.blocks[0] is block
        assert block.read(0, 16 * MIB) == data
        assert block[63 * 4096 + 7 : 70 * 4096 + 1] == data[63 * 4096 + 7 : 70 * 4096 + 1]
        assert not block.coverage.unknown
        # Holes are no pages, and nothing of the block is in the snapshot.
        assert block.runs().tolist() == [list(run) for run in RUNS]
        assert block.file_offset(0, 4096) is None
        assert {run.index for run in block.pages()} == {start for start, _ in RUNS}
        assert snapshot.physical.read(0x10000, 4096) == data[0x10000:0x11000]
        assert np.array_equal(snapshot.physical.array(0x10000, 9), block.array(0x10000, 9))
        assert next(iter(snapshot.physical.search(b"RAM0"))) == data.index(b"RAM0")


def test_memory_may_be_bytes_or_a_file_object(fixtures: Fixtures, memory: Path) -> None:
    path, data = fixtures["template"].path, memory.read_bytes()
    for given in (data, io.BytesIO(data + b"more")):
        with mappedram.open(path, memory={"mem": given}) as snapshot:
            assert snapshot.block["mem"].page(64) == data[64 * 4096 : 65 * 4096]


@pytest.mark.parametrize("name", TEMPLATES)
def test_files_that_do_not_fit(fixtures: Fixtures, memory: Path, name: str) -> None:
    path = fixtures[name].path
    short = memory.with_name("short")
    short.write_bytes(bytes(16 * MIB - 1))
    with pytest.raises(TruncatedError, match="'mem' has 0x1000000 bytes, this file 0xffffff") as it:
        mappedram.open(path, memory={"mem": short})
    assert it.value.filename == str(short)
    with pytest.raises(BackingError, match="no block 'ram'; blocks: 'mem'"):
        mappedram.open(path, memory={"ram": memory})
    with pytest.raises(BackingError, match=r"did not leave out block 'pc\.bios'"):
        mappedram.open(path, memory={"pc.bios": memory})
    with pytest.raises(FileNotFoundError):
        mappedram.open(path, memory={"mem": memory.with_name("none")})


def test_a_block_that_no_save_left_out(fixtures: Fixtures, memory: Path) -> None:
    for name in ("pc", "plain", "ignore-shared"):
        with pytest.raises(BackingError, match=r"did not leave out block 'pc\.ram'"):
            mappedram.open(fixtures[name].path, memory={"pc.ram": memory})
