"""What is read of a snapshot behind a URL, and with how many requests."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.io.opening import open_source
from mappedram.io.remote.source import FIRST, RemoteSource
from mappedram.stream.libvirt import open_any
from mappedram.view.blocks import pages_present
from tests.conftest import Fixtures
from tests.io.remote.serving import Server

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")
fsspec = pytest.importorskip("fsspec", reason="pip install 'mappedram[remote]'")

#: Bytes of the longest request, beside one for a bitmap.
REQUEST_MAX = 1 << 20


def info(url: str) -> list[int | None]:
    """What `info` reads."""
    with open_any(url, partial=True) as (snapshot, _):
        return [*pages_present(snapshot.blocks), snapshot.byteorder_evident]


def judge(url: str) -> object:
    """What `check` finds."""
    report = check(url)
    return report.verdict, report.findings, report.qemu


def test_the_same_snapshot(server: Server, pc: Path) -> None:
    with mappedram.open(server.at("pc")) as found, mappedram.open(pc) as expected:
        assert type(found.source) is RemoteSource
        assert found.source.name == server.at("pc")
        assert found.stream.elements == expected.stream.elements
        assert found.regions() == expected.regions()
        for block, twin in zip(found.blocks, expected.blocks, strict=True):
            assert block.runs().tolist() == twin.runs().tolist()
            assert block.read(0, block.used_length) == twin.read(0, twin.used_length)


@pytest.mark.qemu
@pytest.mark.parametrize(("read", "most"), [(info, 12), (judge, 30)])
def test_requests(
    read: Callable[[str], object], most: int, ten_blocks: Path, server: Server
) -> None:
    """However large the guest is, and however far the server."""
    (server.folder / "ten").symlink_to(ten_blocks)
    with mappedram.open(ten_blocks) as snapshot:
        assert len(snapshot.blocks) == 10
    assert read(server.at("ten")) == read(str(ten_blocks))
    assert len(server.requests) <= most
    assert max(request.length for request in server.requests) <= REQUEST_MAX
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize("name", ["pc", "numa2", "many-runs", "s390x", "plain"])
def test_requests_for_other_files(name: str, server: Server, fixtures: Fixtures) -> None:
    path = fixtures[name].path
    (server.folder / name).symlink_to(path)
    assert info(server.at(name)) == info(str(path))
    assert len(server.requests) <= 12
    server.requests.clear()
    assert judge(server.at(name)) == judge(str(path))
    assert len(server.requests) <= 30


def test_what_is_not_judged(server: Server, pc: Path) -> None:
    """Bytes that are rarely of interest are not read, and the report says so."""
    assert check(server.at("pc")).not_judged == ("MR302", "MR303", "MR403")
    assert check(server.at("pc"), takes="MR403".__eq__).not_judged == ("MR403",)
    assert check(pc).not_judged == ()


def test_an_incomplete_save(server: Server, fixtures: Fixtures) -> None:
    """Whether bitmaps are missing is judged by the first pages of each block."""
    path = fixtures["killed"].path
    (server.folder / "killed").symlink_to(path)
    found, expected = check(server.at("killed")), check(path)
    assert found.verdict == expected.verdict == "corrupt"
    assert "MR304" in found.not_judged
    assert {one.code for one in found.findings} == {one.code for one in expected.findings}


def test_nothing_is_read_twice(server: Server, pc: Path) -> None:
    with open_source(server.at("pc")) as source:
        data = pc.read_bytes()
        for offset in (0, 5, FIRST - 1, FIRST, 3 << 20, (3 << 20) + 7, FIRST + 100):
            assert source.read(offset, 999) == data[offset : offset + 999]
        count = len(server.requests)
        for offset in (0, 5, FIRST - 1, FIRST, 3 << 20, (3 << 20) + 7, FIRST + 100):
            assert source.peek(offset, 99) == data[offset : offset + 99]
        assert len(server.requests) == count
        spans = sorted((one.start, one.end) for one in server.requests)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_reading_on_takes_fewer_and_fewer_requests(server: Server) -> None:
    data = os.urandom(8 << 20)
    (server.folder / "file").write_bytes(data)
    with open_source(server.at("file")) as source:
        parts = [source.read(at, 4096) for at in range(1 << 20, 7 << 20, 4096)]
    assert b"".join(parts) == data[1 << 20 : 7 << 20]
    assert len(server.requests) < 20


def test_a_long_range_is_read_in_parts(server: Server) -> None:
    data = os.urandom(9 << 20)
    (server.folder / "file").write_bytes(data)
    with open_source(server.at("file")) as source:
        assert source.read(1, 9 << 20) == data[1:]
    assert max(request.length for request in server.requests) <= 4 << 20


@pytest.mark.parametrize("size", [0, 1, 4, FIRST - 1, FIRST, FIRST + 1])
@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_short_files(size: int, ignores_ranges: bool, server: Server) -> None:
    """Of a file that one request brings, a server need not know ranges."""
    data = os.urandom(size)
    (server.folder / "file").write_bytes(data)
    server.ignores_ranges = ignores_ranges
    if ignores_ranges and size > FIRST:
        return  # refused, see test_servers
    with open_source(server.at("file")) as source:
        assert source.size == size
        assert source.read(0, size + 5) == data
        assert source.read(size, 1) == b""


def test_an_open_file_of_fsspec(server: Server, pc: Path) -> None:
    """It is read in ranges of ours, not through its own cache of 5 MiB blocks."""
    fs = fsspec.filesystem("http")
    with fs.open(server.at("pc")) as file:
        server.requests.clear()
        with mappedram.open(file) as snapshot, mappedram.open(pc) as expected:
            assert type(snapshot.source) is RemoteSource
            assert snapshot.stream.elements == expected.stream.elements
        assert server.bytes_asked < 2 << 20
        assert not file.closed


def test_a_file_system_without_requests(fixtures: Fixtures) -> None:
    """Any file system of fsspec will do."""
    data = fixtures["pc"].path.read_bytes()
    fs = fsspec.filesystem("memory")
    fs.pipe("/guests/pc", data)
    with mappedram.open("memory://guests/pc") as found, mappedram.open(data) as expected:
        assert found.stream.elements == expected.stream.elements
        assert found.block["pc.ram"][: 1 << 20] == expected.block["pc.ram"][: 1 << 20]
    fs.rm("/guests/pc")
