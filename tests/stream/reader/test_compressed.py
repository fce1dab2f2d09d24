"""Streams of the capability `compress`, which QEMU had up to 9.0: records COMPRESS_PAGE."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import FormatError, TruncatedError
from mappedram.check import check
from mappedram.cli.main import main
from mappedram.format import drivers
from mappedram.format.constants import SectionType
from mappedram.format.ram import compressed_max
from mappedram.format.structures import PAGE_RECORD
from mappedram.stream import page_records
from mappedram.stream.snapshot import OpenSnapshot
from tests.conftest import Fixtures
from tests.files import copy_sparse, memory_file
from tests.stream.reader.test_records import (
    COMPRESS,
    CONTINUE,
    PAGE,
    PAGE_SIZE,
    PAGES,
    compressed,
    stream,
)
from tools.qemu import pattern

MEMORY = bytes(range(256)) * (PAGE_SIZE // 256)


@contextmanager
def opened(*bodies: bytes) -> Iterator[OpenSnapshot]:
    """A stream with page 0 of `rom` plain, and a compressed page for each body."""
    records = [(COMPRESS, "rom", page, body) for page, body in enumerate(bodies, 1)]
    data = stream([[(PAGE, "rom", 0, MEMORY), *records]])
    with memory_file(data) as fd, mappedram.open(fd) as snapshot:
        yield snapshot


def test_memory_is_the_pattern(fixtures: Fixtures) -> None:
    """The pattern of each page identifies its place."""
    fixture = fixtures["compress"]
    (fill,) = fixture.manifest["fill"]
    pages = [page for first, stop in fill["runs"] for page in range(first, stop)]
    with mappedram.open(fixture.path) as snapshot:
        block = snapshot.block["pc.ram"]
        found = block.recorded
        assert found is not None
        assert (found.places >= page_records.COMPRESSED).sum() >= len(pages) - 1
        memory = block.read(0, block.used_length)
        for page in pages:
            expected = pattern.expected(page, 4096, int(fill["seed"], 16))
            assert memory[page * 4096 :][:4096] == expected
            assert block.page(page) == expected
        assert set(pages) <= {
            page for first, stop in block.runs().tolist() for page in range(first, stop)
        }


def test_both_drivers_read_the_records(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["compress"].path) as snapshot:
        part = next(s for s in snapshot.sections if s.type == SectionType.PART)
        position, count, idstr = part.payload_offset, 0, ""
        while position < part.payload_end - 8:
            data = snapshot.source.read(position, 8192)
            values, length = drivers.get("construct").parse(PAGE_RECORD, data, {"len_page": 4096})
            assert drivers.get("kaitai").parse(PAGE_RECORD, data, {"len_page": 4096}) == (
                values,
                length,
            )
            for name in ("construct", "kaitai"):
                built = drivers.get(name).build(PAGE_RECORD, values, {"len_page": 4096})
                assert built == data[:length]
            idstr = values["idstr"] or idstr
            if values["compressed"] is not None:
                page = values["addr_and_flags"] // 4096
                assert snapshot.block[idstr].page(page) == zlib.decompress(values["compressed"])
                count += 1
            position += length
        assert count > 100


def test_nothing_is_decompressed_on_opening(fixtures: Fixtures) -> None:
    path = fixtures["compress"].path
    with (
        mock.patch.object(page_records, "inflate", side_effect=AssertionError),
        mappedram.open(path) as snapshot,
    ):
        assert snapshot.block["pc.ram"].bitmap.any()
        assert check(path).verdict == "clean"
        with pytest.raises(AssertionError):
            snapshot.block["pc.ram"].page(260)


@pytest.mark.parametrize("target", ["mapped-ram", "stream"])
def test_conversion_keeps_memory(target: str, fixtures: Fixtures, tmp_path: Path) -> None:
    path, made = str(fixtures["compress"].path), str(tmp_path / "made")
    assert main(["convert", "-O", target, path, made]) == 0
    with mappedram.open(path) as before, mappedram.open(made) as after:
        for block in before.blocks:
            whole = block.read(0, block.used_length)
            assert after.block[block.idstr].read(0, block.used_length) == whole
    assert main(["diff", path, made]) == 0


def test_search_finds_what_is_compressed(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["compress"].path) as snapshot:
        text = snapshot.block["pc.ram"].page(282)[-64:] + snapshot.block["pc.ram"].page(283)[:64]
        assert list(snapshot.physical.search(text)) == [283 * 4096 - 64]


@given(st.lists(st.integers(0, 9), max_size=PAGES - 1), st.sampled_from([1, 100, 1 << 20]))
def test_many_are_read_with_one_call(levels: list[int], window: int) -> None:
    """With any window size."""
    contents = [bytes([level, n]) * (PAGE_SIZE // 2) for n, level in enumerate(levels)]
    bodies = [compressed(data, level) for data, level in zip(contents, levels, strict=True)]
    with mock.patch.object(page_records, "_WINDOW", window), opened(*bodies) as snapshot:
        memory = snapshot.block["rom"].read(0, PAGES * PAGE_SIZE)
    assert memory == b"".join([MEMORY, *contents]).ljust(PAGES * PAGE_SIZE, b"\0")


def body(packed: bytes) -> bytes:
    return struct.pack(">I", len(packed)) + packed


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (b"", "0 bytes of a page, and does not end"),
        (b"no zlib stream", "not a zlib stream"),
        (zlib.compress(MEMORY)[:-1], "does not end"),
        (zlib.compress(MEMORY)[:-4] + b"\0\0\0\0", "incorrect data check"),
        (zlib.compress(MEMORY[:-1]), f"{PAGE_SIZE - 1} bytes of a page"),
        (zlib.compress(MEMORY + b"x"), "more than a page"),
        (zlib.compress(bytes(PAGE_SIZE * 1000)), "more than a page"),
    ],
)
def test_a_damaged_page_is_refused(packed: bytes, said: str) -> None:
    """Only that page: its neighbours can be read."""
    good = compressed(MEMORY[::-1])
    with opened(good, body(packed), good) as snapshot:
        block = snapshot.block["rom"]
        place = int(block.recorded.places[2]) - page_records.COMPRESSED  # type: ignore[union-attr]
        with pytest.raises(FormatError, match=said) as caught:
            block.page(2)
        assert caught.value.offset == place
        assert caught.value.path.endswith("compressed")
        with pytest.raises(FormatError, match=said):
            block.read(0, PAGES * PAGE_SIZE)
        assert block.page(1) == block.page(3) == MEMORY[::-1]


def test_bytes_behind_the_zlib_stream_are_passed_over() -> None:
    """As in QEMU."""
    with opened(body(zlib.compress(MEMORY) + b"more")) as snapshot:
        assert snapshot.block["rom"].page(1) == MEMORY


def test_the_longest_that_is_taken() -> None:
    """Opening, which reads the length, raises no error."""
    longest = compressed_max(PAGE_SIZE)
    packed = zlib.compress(MEMORY, 0).ljust(longest, b"\0")
    with opened(body(packed)) as snapshot:
        assert snapshot.block["rom"].page(1) == MEMORY
    with opened(body(packed + b"\0")) as snapshot:
        assert "len_compressed" in str(snapshot.stream.stopped)


def test_cut_within_a_compressed_page(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["compress"].path, tmp_path / "cut")
    with mappedram.open(path) as snapshot:
        found = snapshot.block["pc.ram"].recorded
        assert found is not None
        place = (
            int(found.places[found.places >= page_records.COMPRESSED][20]) - page_records.COMPRESSED
        )
    os.truncate(path, place + 5)
    with mappedram.open(path, partial=True) as snapshot:
        assert isinstance(snapshot.stream.stopped, TruncatedError)


def test_a_difference_to_a_compressed_page() -> None:
    """XBZRLE and compression can both be on."""
    difference = b"\x04\x03new"
    records = [
        (PAGE, "rom", 0, MEMORY),
        (COMPRESS, "rom", 1, compressed(MEMORY)),
        (0x40, "rom", 1, struct.pack(">BH", 1, len(difference)) + difference),
    ]
    with memory_file(stream([records])) as fd, mappedram.open(fd) as snapshot:
        assert snapshot.block["rom"].page(1) == MEMORY[:4] + b"new" + MEMORY[7:]


def test_what_qemu_makes_of_it(fixtures: Fixtures) -> None:
    report = check(fixtures["compress"].path)
    assert [finding.code for finding in report.findings] == ["MR012", "MR017"]
    assert report.qemu["9.0"].outcome == "loads"
    assert {report.qemu[name].outcome for name in ("9.1", "10.0", "11.1.3")} == {"refuses"}
    assert report.qemu["10.0"].message == "Unknown combination of migration flags: 0x120"
    assert "mapped-ram" not in str(report.qemu)


def test_the_record_that_is_named_first(tmp_path: Path) -> None:
    """The finding is at its word, whether or not the block's name follows."""
    data = stream([[(COMPRESS, "rom", 3, compressed(MEMORY)), (COMPRESS, "rom", 4, b"\0\0\0\0")]])
    path = tmp_path / "named"
    path.write_bytes(data)
    finding = next(f for f in check(path).findings if f.code == "MR017")
    assert finding.offset == data.index(struct.pack(">Q", 3 * PAGE_SIZE | COMPRESS))
    assert (finding.actual, CONTINUE) == ("0x100", 0x20)
