"""Exports share blocks with the snapshot, if the file system can."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mappedram
from tests.cli.conftest import Run
from tests.export.readers import core
from tests.files import extents
from tests.io.system import places
from tools import programs
from tools.oracle import OracleBlock, OracleFile

MIB = 1 << 20
PAGE = 4096
#: Stored runs, and stale bytes of pages that became zero.
RUNS = [(0, 3), (300, 900), (2047, 2050), (4000, 4096)]
STALE = [(100, 130), (900, 910), (3999, 4000)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An XFS of its own."""
    if not programs.by_name("filefrag").found:
        pytest.skip("takes filefrag: run tools/install")
    with places.asked(places.xfs, tmp_path) as disk:
        yield disk


def shared(path: Path) -> set[int]:
    """Pages of a file whose blocks are shared with other files."""
    os.sync()
    command = ["filefrag", "-v", f"-b{PAGE}", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    pages: set[int] = set()
    for line in listed.splitlines():
        match = re.match(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):.*shared", line)
        if match:
            pages |= set(range(int(match[1]), int(match[2]) + 1))
    return pages


def test_blocks_are_shared(disk: Path, run: Run) -> None:
    path = disk / "guest"
    fill = np.random.default_rng(1).bytes(PAGE)
    with path.open("w+b") as stream:
        block = OracleBlock("pc.ram", 16 * MIB, RUNS, fill)
        OracleFile([block], machine="pc-q35-10.0").write(stream.fileno())
    with mappedram.open(path) as snapshot, path.open("r+b") as stream:
        for start, stop in STALE:
            stream.seek((snapshot.blocks[0].model.pages_offset or 0) + start * PAGE)
            stream.write(b"stale" * ((stop - start) * PAGE // 5))
        expected = np.frombuffer(snapshot.blocks[0].read(0, 8 * MIB), np.uint8)
        above = np.frombuffer(snapshot.blocks[0].read(8 * MIB, 8 * MIB), np.uint8)
    stored = {page for start, stop in RUNS for page in range(start, stop)}
    for form, low, high in (("elf", MIB, 9 * MIB), ("raw", 0, 1 << 32)):
        out = disk / form
        assert run("convert", "-O", form, "--below-4g", "8M", path, out).status == 0
        places = {page: low // PAGE + page for page in range(2048)}
        places |= {page: high // PAGE + page - 2048 for page in range(2048, 4096)}
        data = {
            page for start, end in extents(out) for page in range(start // PAGE, -(-end // PAGE))
        }
        assert data - {0} == {places[page] for page in stored} - {0}
        assert shared(out) == {places[page] for page in stored}
    memory = core(disk / "elf").memory
    assert np.array_equal(memory.at(0, 8 * MIB), expected)
    assert np.array_equal(memory.at(1 << 32, 8 * MIB), above)


def test_what_cannot_be_shared_is_copied(disk: Path, run: Run) -> None:
    """LiME has headers between the ranges, so that no page is aligned to a block."""
    path = disk / "guest"
    with path.open("w+b") as stream:
        OracleFile(
            [OracleBlock("pc.ram", 16 * MIB, RUNS, b"\5" * PAGE)], machine="pc-q35-10.0"
        ).write(stream.fileno())
    assert run("convert", "-O", "lime", path, disk / "lime").status == 0
    assert run("convert", "-O", "elf", path, disk / "elf").status == 0
    assert shared(disk / "lime") == set()
    assert shared(disk / "elf")
