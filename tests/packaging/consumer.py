"""A user's program, which is type-checked strictly and run.

Usage: consumer.py SNAPSHOT COPY
"""

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_type

import numpy as np
from hypothesis import given
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

import mappedram
import mappedram.check as checking
from mappedram import Block, BlockSpec, Snapshot, SnapshotWriter, strategies
from mappedram.check import Finding, Report, Severity, check
from mappedram.stream.bitmap import Bitmap


def memory(snapshot: Snapshot) -> dict[str, bytes]:
    """The first bytes of each block, and the runs of its pages."""
    found: dict[str, bytes] = {}
    for block in snapshot.blocks:
        assert_type(block, Block)
        runs = block.runs()
        assert_type(runs, NDArray[np.int64])
        assert_type(block.bitmap, Bitmap)
        assert sum(int(stop - start) for start, stop in runs) <= block.num_pages
        found[block.idstr] = block.read(0, 16)
    assert_type(snapshot.block["pc.ram"].page(0), bytes)
    return found


def judged(path: str) -> list[str]:
    """Codes of the errors of a file."""
    report = check(path)
    assert_type(report, Report)
    errors: list[Finding] = [f for f in report.findings if f.severity is Severity.ERROR]
    assert_type(report.exit_status, int)
    return [finding.code for finding in errors]


def looked_at(path: str, folder: str) -> None:
    """Each verb as a function of the package, and what it gives."""
    assert_type(mappedram.check(path), Report)
    assert_type(mappedram.diff(path, path), mappedram.Comparison)
    planned = mappedram.repair(path)
    assert_type(planned, mappedram.Repaired)
    assert planned.path is None
    done = mappedram.extract(path, f"{folder}/ram", blocks=["pc.ram"])
    assert_type(done, mappedram.Extracted)
    assert_type(done.blocks[0].path, Path)
    core = mappedram.convert(path, f"{folder}/core", "elf")
    assert_type(core, mappedram.Converted)
    with mappedram.physical(path) as memory:
        assert_type(memory, mappedram.PhysicalMemory)
        assert_type(memory.read(0, 16), bytes)
    data = Path(path).read_bytes()
    for file in (data, bytearray(data), memoryview(data), io.BytesIO(data), Path(path)):
        with mappedram.open(file) as snapshot:
            block = snapshot.block["pc.ram"]
            assert_type(block[0:16], bytes)
            assert_type(block[0], int)
            assert_type(len(block), int)
            assert_type(block.array(0, 16), NDArray[np.uint8])
            for run in block.pages():
                assert_type(run, mappedram.PageRun)
                assert_type(run.data, NDArray[np.uint8])
    assert checking.check is check


def copy(snapshot: Snapshot, path: str) -> None:
    """A snapshot with the same memory."""
    blocks = [BlockSpec(block.idstr, block.used_length) for block in snapshot.blocks]
    with mappedram.create(path, machine="pc", page_size=4096, blocks=blocks) as writer:
        assert_type(writer, SnapshotWriter)
        for block in snapshot.blocks:
            for start, stop in block.runs().tolist():
                size = (stop - start) * block.page_size
                writer.write_pages(block.idstr, start, block.read(start * block.page_size, size))
        writer.finish()


def refused(path: str) -> mappedram.FormatError | None:
    """The reader's message about a file that it cannot follow."""
    try:
        mappedram.open(path).close()
    except mappedram.FormatError as error:
        assert_type(error.offset, int | None)
        return error
    return None


assert_type(strategies.bitmaps(), SearchStrategy[Bitmap])


@given(strategies.broken("MR204"))
def broken_files_are_found(file: strategies.SparseFile) -> None:
    """Part of a test of the user's own parser."""
    with file.opened() as descriptor:
        assert "MR204" in {finding.code for finding in check(descriptor, file.offset).findings}


def main() -> None:
    """Run everything."""
    source, target = sys.argv[1:]
    with mappedram.open(source) as snapshot:
        first = memory(snapshot)
        copy(snapshot, target)
    with mappedram.open(target) as snapshot:
        assert memory(snapshot) == first
    with TemporaryDirectory() as folder:
        looked_at(source, folder)
    assert not judged(source)
    assert refused(source) is None
    broken_files_are_found()


if __name__ == "__main__":
    main()
