"""Bulk readers of URLs: the same results, with few bytes beside those that are asked for."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest

import mappedram
from mappedram import ChangedError
from mappedram.check import check
from mappedram.diff import Comparison, PageDifferences, compare
from mappedram.export.metadump import Options, write_packed
from mappedram.export.metadump import plan as plan_metadump
from mappedram.io.opening import open_source
from mappedram.io.remote import plan, retrying
from mappedram.io.remote.source import RemoteSource
from tests.conftest import Fixtures
from tests.export.metadump.making import metadump
from tests.io.remote.serving import Server
from tests.stream.libvirt.conftest import samples
from tests.stream.libvirt.samples import COMPRESSED, Samples, skip_without_decompressor
from tools.oracle import OracleBlock, OracleFile

__all__ = ["samples"]

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")

PAGE = 4096
#: Pages of a block of 64 MiB: dense ones, sparse ones, and single ones.
RUNS = [
    (5, 2000),
    *((number, number + 3) for number in range(3000, 4000, 7)),
    (6000, 6001),
    *((number, number + 1) for number in range(8000, 16000, 500)),
]
STORED = sum(stop - start for start, stop in RUNS) * PAGE


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the same requests on a machine that is busy."""
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(plan, "_GAP_MAX", plan._GAP_MIN)  # noqa: SLF001


@pytest.fixture
def sparse(server: Server) -> Path:
    """A snapshot of 64 MiB that stores a seventh of it, with stale bytes everywhere else."""
    path = server.folder / "sparse"
    model = OracleFile([OracleBlock("pc.ram", 64 << 20, RUNS, os.urandom(PAGE))], "pc-q35-10.0")
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    with mappedram.open(path) as snapshot, path.open("r+b") as stream:
        block = snapshot.block["pc.ram"]
        bits = np.ones(block.num_pages, bool)
        for start, stop in RUNS:
            bits[start:stop] = False
        for page in np.flatnonzero(bits).tolist():
            stream.seek((block.model.pages_offset or 0) + page * PAGE)
            stream.write(b"\xaa" * PAGE)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def extracted(file: str, out: Path) -> object:
    mappedram.extract(file, out / "ram", channels=3)
    return files_in(out / "ram")


def converted(form: str, **options: object) -> Callable[[str, Path], object]:
    def convert(file: str, out: Path) -> object:
        mappedram.convert(file, out / "out", form, **options)  # type: ignore[arg-type]
        return (out / "out").read_bytes()

    return convert


def pages(file: str, _: Path) -> object:
    with mappedram.open(file) as snapshot:
        return [(run.index, bytes(run.data)) for block in snapshot.blocks for run in block.pages()]


def found(file: str, _: Path) -> object:
    with mappedram.physical(file) as memory:
        return list(memory.search(b"\x00\x01"))


WORK: dict[str, Callable[[str, Path], object]] = {
    "extract": extracted,
    "raw": converted("raw"),
    "elf": converted("elf"),
    "lime": converted("lime"),
    "stream": converted("stream"),
    "mapped-ram": converted("mapped-ram", layout=mappedram.OutputLayout(channels=3)),
    "dropping": converted("mapped-ram", layout=mappedram.OutputLayout(drop_zero_pages=True)),
    "pages": pages,
    "search": found,
}


@pytest.mark.parametrize("name", WORK)
def test_only_stored_pages_are_fetched(
    name: str, server: Server, sparse: Path, tmp_path: Path
) -> None:
    """Each once, though several threads read, some of them twice."""
    (here := tmp_path / "here").mkdir()
    (there := tmp_path / "there").mkdir()
    assert WORK[name](server.at("sparse"), there) == WORK[name](str(sparse), here)
    # Gaps of a few pages are cheaper to fetch than to skip; and there are the headers.
    assert STORED < server.bytes_asked < STORED * 1.5 + (2 << 20)
    assert len(server.requests) < 60
    assert max(request.length for request in server.requests) <= plan.REQUEST


def pages_of(comparison: Comparison) -> PageDifferences:
    assert comparison.trouble == ()
    return comparison.pages[0]


def test_diff(server: Server, sparse: Path) -> None:
    other = sparse.with_name("other")
    data = bytearray(sparse.read_bytes())
    with mappedram.open(sparse) as snapshot:
        base = snapshot.block["pc.ram"].model.pages_offset or 0
    for page in (6, 2999, 3001, 6000, 7000):  # two of them have a clear bit
        data[base + page * PAGE] ^= 255
    other.write_bytes(data)
    with (
        mappedram.open(server.at("sparse")) as a,
        mappedram.open(server.at("other")) as b,
        mappedram.open(sparse) as c,
        mappedram.open(other) as d,
    ):
        far, near = (pages_of(compare(*two, channels=3)) for two in ((a, b), (c, d)))
    assert far.differing.runs().tolist() == near.differing.runs().tolist()
    assert far.differing.count() == 3
    assert server.bytes_asked < 2 * (STORED * 1.5 + (2 << 20))


@pytest.mark.parametrize("name", ["plain", "compress", "background-snapshot-plain", "many-runs"])
@pytest.mark.parametrize("work", ["extract", "raw", "mapped-ram"])
def test_other_streams(
    name: str, work: str, server: Server, fixtures: Fixtures, tmp_path: Path
) -> None:
    path = fixtures[name].path
    (server.folder / name).symlink_to(path)
    (here := tmp_path / "here").mkdir()
    (there := tmp_path / "there").mkdir()
    assert WORK[work](server.at(name), there) == WORK[work](str(path), here)


@pytest.mark.parametrize("name", ["sparse", "raw", *COMPRESSED])
def test_save_images(
    name: str,
    server: Server,
    samples: Samples,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A compressed one is fetched as a whole, and that is said."""
    skip_without_decompressor(name)
    path = samples[name].path
    (server.folder / name).symlink_to(path)
    (here := tmp_path / "here").mkdir()
    (there := tmp_path / "there").mkdir()
    assert extracted(server.at(name), there) == extracted(str(path), here)
    told = [record.getMessage() for record in caplog.records if record.name == "mappedram"]
    if name == "sparse":
        assert told == []
    else:
        assert len(told) == 1
        why = "is compressed" if name in COMPRESSED else "has no mapped-ram"
        assert told[0].startswith(f"{server.at(name)}: the stream {why}")


def test_a_metadump(server: Server, fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with metadump(path) as fd:
        (server.folder / "dump").write_bytes(os.pread(fd, 1 << 20, 0))
    with mappedram.open(server.at("dump")) as one, mappedram.open(path) as other:
        assert one.stream.elements == other.stream.elements
        assert [b.bitmap.data for b in one.blocks] == [b.bitmap.data for b in other.blocks]


@pytest.mark.parametrize("key", [None, b"key"])
def test_making_a_metadump(key: bytes | None, server: Server, sparse: Path) -> None:
    """Pages with a clear bit are not read, as `check` does not judge them either."""
    with open_source(server.at("sparse")) as source, TemporaryFile() as file:
        write_packed(plan_metadump(source, 0, Options(key=key)), file.fileno(), about={})
        asked = server.bytes_asked
        found, expected = check(file.fileno()), check(source)
        assert found.findings == expected.findings == ()
        with mappedram.open(file.fileno()) as packed, mappedram.open(sparse) as whole:
            assert packed.stream.elements == whole.stream.elements
    assert asked < 2 << 20 if key is None else STORED < asked < STORED * 1.5 + (2 << 20)


@pytest.mark.parametrize("fault", ["busy", "drop"])
def test_faults_on_the_way(fault: str, server: Server, sparse: Path, tmp_path: Path) -> None:
    server.faults += ["", "", fault, fault, "", fault]
    mappedram.extract(server.at("sparse"), tmp_path / "ram")
    assert not server.faults
    (tmp_path / "here").mkdir()
    assert files_in(tmp_path / "ram") == extracted(str(sparse), tmp_path / "here")


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize("name", ["extract", "raw", "elf", "stream", "mapped-ram", "dropping"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_nothing_half_written(
    name: str,
    how: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The object is replaced, or the server fails, once the first pages were fetched."""
    (out := tmp_path / "out").mkdir()
    count = 0
    fetch = open_source.__globals__["_of_url"]

    def later(url: str) -> object:
        source = fetch(url)
        original = source._pieces._submit  # noqa: SLF001

        def start_one(start: int, end: int) -> object:
            nonlocal count
            count += 1
            if count == 4:
                if how == "changed":
                    server.etag = '"two"'
                else:
                    server.faults += ["busy"] * 999
            return original(start, end)

        source._pieces._submit = start_one  # noqa: SLF001
        return source

    monkeypatch.setitem(open_source.__globals__, "_of_url", later)
    with pytest.raises(ChangedError if how == "changed" else OSError, match=r"changed|503"):
        WORK[name](server.at("sparse"), out)
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_reading_far_and_on(server: Server) -> None:
    """A reader that goes on is overtaken."""
    data = os.urandom(40 << 20)
    (server.folder / "file").write_bytes(data)
    with open_source(server.at("file")) as source:
        parts = [source.read(at, 1 << 16) for at in range(0, len(data), 1 << 16)]
        assert b"".join(parts) == data
        asked = len(server.requests)
        assert asked < 30
        assert server.bytes_asked == len(data)
        assert isinstance(source, RemoteSource)
        assert source._pieces._held < 20 << 20  # noqa: SLF001


def test_a_plan(server: Server) -> None:
    """Each request is made once, whoever reads; gaps are zeros; the rest is as it was."""
    data = os.urandom(40 << 20)
    (server.folder / "file").write_bytes(data)
    runs = np.array([[1 << 20, 3 << 20], [20 << 20, 30 << 20], [30 << 20, 31 << 20]])
    with open_source(server.at("file")) as source:
        with source.reading_ahead(runs):
            assert source.read(25 << 20, 100) == data[25 << 20 :][:100]
            assert source.read(1 << 20, 2 << 20) == data[1 << 20 : 3 << 20]
            assert source.read((3 << 20) - 5, 10) == data[(3 << 20) - 5 : 3 << 20] + bytes(5)
            assert source.read(30 << 20, 100) == data[30 << 20 :][:100]
            assert source.read(35 << 20, 10) == data[35 << 20 :][:10]
        assert source.read(10 << 20, 10) == data[10 << 20 :][:10]
