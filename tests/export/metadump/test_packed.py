"""The packed form: the original file, digests, damage, and unsupported uses."""

import json
import os
import zlib
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappedram
from mappedram.check import check
from mappedram.errors import (
    BuildError,
    FormatError,
    MappedRamError,
    TruncatedError,
    UnknownPagesError,
    UnsupportedError,
)
from mappedram.export.metadump import Options, key_of, write_unpacked
from mappedram.format.metadump import MAGIC
from mappedram.io.copying import WriteTarget, copy_runs
from mappedram.io.metadump import HEADER_SIZE, NUMBERS_MAX, Packed
from mappedram.io.opening import open_source
from tests.conftest import Fixtures
from tests.export.metadump.making import contents, metadump
from tests.files import extents, memory_file


def test_any_window_is_that_of_the_whole(fixtures: Fixtures) -> None:
    for name in ("live", "plain"):
        with (
            metadump(fixtures[name].path, options=Options(key=b"k")) as fd,
            open_source(fd) as source,
        ):
            whole = source.read(0, source.size)
            assert len(whole) == source.size
            for offset, length in ((0x89, 3), (0x100000 - 5, 4105), (5000, 70_001), (0, 1), (9, 0)):
                assert source.read(offset, length) == whole[offset : offset + length]
            assert source.read(source.size - 2, 100) == whole[-2:]


@settings(max_examples=20)
@given(data=st.data())
def test_windows(fixtures: Fixtures, data: st.DataObject) -> None:
    with (
        metadump(fixtures["plain"].path, options=Options(key=b"k")) as fd,
        open_source(fd) as source,
    ):
        offset = data.draw(st.integers(0, source.size))
        length = data.draw(st.integers(0, 10_000))
        assert source.read(offset, length) == source.read(0, source.size)[offset : offset + length]


@pytest.mark.parametrize("name", ["pc", "live", "plain", "arm-1k"])
def test_digests(fixtures: Fixtures, name: str) -> None:
    """Digests equal hashlib's for each non-zero page; all other pages stay zero."""
    path, key = fixtures[name].path, b"a key"
    with (
        metadump(path, options=Options(key=key)) as fd,
        open_source(fd) as source,
        mappedram.open(path) as snapshot,
    ):
        block = snapshot.block.get("pc.ram") or snapshot.blocks[0]
        page_size = block.page_size
        places = (
            block.recorded.places[block.recorded.places > 0].tolist()
            if block.recorded
            else [
                (block.model.pages_offset or 0) + page * page_size
                for first, last in block.runs().tolist()
                for page in range(first, last)
            ]
        )
        assert len(places) > 4
        for place in places:
            page = snapshot.source.read(place, page_size)
            digest = blake2b(page, key=key, digest_size=16).digest() if any(page) else b""
            assert source.read(place, page_size) == digest.ljust(page_size, b"\0")


def test_equal_pages_can_be_told(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with (
        metadump(path, options=Options(key=b"one")) as first,
        metadump(path, options=Options(key=b"one")) as again,
        metadump(path, options=Options(key=b"two")) as other,
    ):
        assert contents(first) == contents(again)
        assert contents(first) != contents(other)


def test_key() -> None:
    assert key_of(b"k" * 64) == b"k" * 64
    assert key_of(b"k" * 65) == blake2b(b"k" * 65).digest()
    for bad in (b"",):
        with pytest.raises(BuildError):
            key_of(bad)
    with pytest.raises(BuildError):
        Options(key=b"k" * 65)


def test_unpacked(fixtures: Fixtures, tmp_path: Path) -> None:
    """The same bytes and holes in an unpacked file, for other programs."""
    path, out = fixtures["live"].path, tmp_path / "out"
    with metadump(path) as fd, open_source(fd) as source, out.open("w+b") as file:
        write_unpacked(source, file.fileno())
        assert out.read_bytes() == source.read(0, source.size)
    assert extents(out) == extents(path)
    assert check(out).findings == check(path).findings


def test_pages_cannot_be_had(fixtures: Fixtures) -> None:
    for name in ("pc", "plain"):
        with metadump(fixtures[name].path) as fd, mappedram.open(fd) as snapshot:
            with pytest.raises(UnknownPagesError, match="a metadump"):
                snapshot.blocks[0].read(0, 4096)
            with pytest.raises(UnsupportedError), memory_file() as out:
                copy_runs(snapshot.source, np.array([[0, 10]]), WriteTarget(out))


# Damage.


@pytest.fixture(scope="module")
def packed(fixtures: Fixtures) -> bytes:
    with metadump(fixtures["live"].path, options=Options(key=b"k")) as fd:
        return os.pread(fd, os.fstat(fd).st_size, 0)


@given(data=st.data())
def test_damaged(packed: bytes, data: st.DataObject) -> None:
    """Any change gives a value or an error of this package, and `check` a report."""
    damaged = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.sampled_from([len(packed), data.draw(st.integers(0, len(packed)))]))
    with memory_file(bytes(damaged[:length])) as fd:
        check(fd)
        try:
            with open_source(fd) as source:
                source.read(0, 1 << 20)
        except MappedRamError:
            pass


@pytest.mark.parametrize("length", [len(MAGIC), HEADER_SIZE - 1, HEADER_SIZE, 2000])
def test_cut(packed: bytes, length: int) -> None:
    with memory_file(packed[:length]) as fd:
        with pytest.raises(TruncatedError):
            open_source(fd)
        assert [finding.code for finding in check(fd).findings] == ["MR002"]


def test_version_of_a_later_release(packed: bytes) -> None:
    later = packed[:16] + b"\0\0\0\2" + packed[20:]
    with memory_file(later) as fd:
        with pytest.raises(UnsupportedError, match="expected 1, got 2"):
            open_source(fd)
        assert check(fd).verdict == "unsupported"


def forged(size: int, tables: dict[str, tuple[bytes, int]]) -> bytes:
    """A packed file with these tables and matching row numbers."""
    body, places = b"", {}
    for name in ("extents", "pieces", "pages", "contents", "digests"):
        stored, rows = tables.get(name, (zlib.compress(b""), 0))
        places[name] = (HEADER_SIZE + len(body), len(stored), rows)
        body += stored
    text = {"size": size, "has_digests": False, "tables": places, "summary": {}}
    directory = zlib.compress(json.dumps(text).encode())
    header = MAGIC + b"\0\0\0\1" + (HEADER_SIZE + len(body)).to_bytes(8, "big")
    return (header + len(directory).to_bytes(8, "big")).ljust(HEADER_SIZE, b"\0") + body + directory


def table(*columns: list[int]) -> tuple[bytes, int]:
    steps = np.diff(np.array(columns, np.int64), axis=1, prepend=0).astype("<i8")
    return zlib.compress(steps.tobytes()), len(columns[0])


@pytest.mark.parametrize(
    "tables",
    [
        {"extents": table([8, 4], [9, 5])},  # descending
        {"extents": table([0, 4], [5, 8])},  # overlapping
        {"extents": table([-4], [5])},
        {"extents": (zlib.compress(bytes(16)), NUMBERS_MAX)},
        {"extents": (zlib.compress(bytes(1 << 20)), 1)},
        {"extents": (b"junk", 1)},
        {"pages": table([0], [1], [0], [4])},  # no distance
        {"pages": table([0], [0], [1], [4])},  # no width
        {"pages": table([0], [1], [1 << 40], [1 << 40])},  # behind the end
        {"pages": table([0], [1 << 31], [1 << 31], [1 << 31])},  # an overflow
        {"pieces": table([0], [4], [4], [4])},  # no contents
        {"contents": table([0], [9])},  # contents without a piece
    ],
    ids=str,
)
def test_impossible_tables(tables: dict[str, tuple[bytes, int]]) -> None:
    with memory_file(forged(1 << 20, tables)) as fd:
        with pytest.raises(FormatError, match="damaged"):
            Packed(partial(os.pread, fd), os.fstat(fd).st_size)
        assert [finding.code for finding in check(fd).findings] == ["MR001"]


def test_forged_but_sound() -> None:
    tables = {"extents": table([0, 64], [32, 96]), "pages": table([4], [1], [8], [3])}
    with memory_file(forged(100, tables)) as fd, open_source(fd) as source:
        assert source.read(0, 100) == b"\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1".ljust(
            100, b"\0"
        )
        assert list(source.extents(10, 70)) == [(10, 32), (64, 70)]
