"""nginx, and moto's S3 with s3fs."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import mappedram
from mappedram import ChangedError, UnsupportedError
from mappedram.check import check
from mappedram.io.opening import open_source
from mappedram.io.remote.address import RemoteName
from tests.cli.conftest import process
from tests.conftest import Fixtures
from tests.io.remote.nginx import find, running

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")
fsspec = pytest.importorskip("fsspec", reason="pip install 'mappedram[remote]'")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of the files that nginx serves, and its address."""
    program = find()
    if program is None:
        pytest.skip("nginx is not installed: run tools/install")
    files, state = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("nginx")
    with running(program, files, state) as url:
        yield files, url


@pytest.fixture
def pc(nginx: tuple[Path, str], fixtures: Fixtures) -> Path:
    path = nginx[0] / "pc"
    shutil.copy(fixtures["pc"].path, path)
    return path


def test_nginx(nginx: tuple[Path, str], pc: Path) -> None:
    with mappedram.open(f"{nginx[1]}/pc") as found, mappedram.open(pc) as expected:
        assert found.stream.elements == expected.stream.elements
        for block, twin in zip(found.blocks, expected.blocks, strict=True):
            assert block.read(0, block.used_length) == twin.read(0, twin.used_length)
    assert check(f"{nginx[1]}/pc").verdict == check(pc).verdict


def test_nginx_replaces_the_file(nginx: tuple[Path, str], pc: Path) -> None:
    with open_source(f"{nginx[1]}/pc") as source:
        other = pc.with_name("other")
        other.write_bytes(bytes(source.size))
        os.utime(other, (1e9, 1e9))
        other.replace(pc)
        with pytest.raises(ChangedError):
            source.read(8 << 20, 5)


@pytest.mark.usefixtures("pc")
@pytest.mark.parametrize("place", ["whole", "gzip"])
def test_nginx_sends_no_ranges(place: str, nginx: tuple[Path, str]) -> None:
    if place == "gzip":  # it is asked for bytes as they are
        assert check(f"{nginx[1]}/gzip/pc").verdict == "clean"
        return
    with pytest.raises(UnsupportedError, match="does not support ranges"):
        open_source(f"{nginx[1]}/{place}/pc")


def test_nginx_has_an_empty_file(nginx: tuple[Path, str]) -> None:
    (nginx[0] / "empty").touch()
    with open_source(f"{nginx[1]}/empty") as source:
        assert source.size == 0


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 server."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: tools/setup dev")
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def options(store: str) -> dict[str, object]:
    return {"endpoint_url": store, "key": "name", "secret": "word"}


@pytest.fixture
def bucket(options: dict[str, object], fixtures: Fixtures) -> str:
    fs = fsspec.filesystem("s3", **options)
    if not fs.exists("guests"):
        fs.mkdir("guests")
    fs.pipe_file("guests/pc", fixtures["pc"].path.read_bytes())
    fs.pipe_file("guests/empty", b"")
    return "s3://guests"


def test_s3(bucket: str, options: dict[str, object], fixtures: Fixtures) -> None:
    url, path = RemoteName(f"{bucket}/pc", options), fixtures["pc"].path
    with mappedram.open(url) as found, mappedram.open(path) as expected:
        assert found.stream.elements == expected.stream.elements
        for block, twin in zip(found.blocks, expected.blocks, strict=True):
            assert block.read(0, block.used_length) == twin.read(0, twin.used_length)
    assert check(url).verdict == check(path).verdict


def test_s3_replaces_the_object(bucket: str, options: dict[str, object]) -> None:
    with open_source(RemoteName(f"{bucket}/pc", options)) as source:
        fsspec.filesystem("s3", **options).pipe_file("guests/pc", bytes(source.size))
        with pytest.raises(ChangedError):
            source.read(8 << 20, 5)


def test_s3_has_an_empty_object(bucket: str, options: dict[str, object]) -> None:
    with open_source(RemoteName(f"{bucket}/empty", options)) as source:
        assert source.size == 0


def test_s3_has_no_such_object(bucket: str, options: dict[str, object]) -> None:
    with pytest.raises(FileNotFoundError):
        open_source(RemoteName(f"{bucket}/none", options))


def test_s3_without_credentials(bucket: str, options: dict[str, object]) -> None:
    del options["key"], options["secret"]
    with pytest.raises(OSError, match="redential"):
        open_source(RemoteName(f"{bucket}/pc", options))


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_of_an_archive(
    how: int, bucket: str, options: dict[str, object], fixtures: Fixtures, tmp_path: Path
) -> None:
    path = fixtures["pc"].path
    with zipfile.ZipFile(tmp_path / "archive", "w", how, strict_timestamps=False) as archive:
        archive.writestr("other", b"nothing")
        archive.write(path, "guests/pc")
    fs = fsspec.filesystem("s3", **options)
    fs.pipe_file("guests/archive.zip", (tmp_path / "archive").read_bytes())
    url = RemoteName(f"zip://guests/pc::{bucket}/archive.zip", {"s3": options})
    if how == zipfile.ZIP_DEFLATED:
        with pytest.raises(UnsupportedError, match="is compressed, so that it cannot be read in"):
            open_source(url)
        return
    with mappedram.open(url) as found, mappedram.open(path) as expected:
        assert found.stream.elements == expected.stream.elements
        block, twin = found.block["pc.ram"], expected.block["pc.ram"]
        assert block.read(0, 8 << 20) == twin.read(0, 8 << 20)
    with pytest.raises(FileNotFoundError, match="no member 'none'"):
        open_source(RemoteName(f"zip://none::{bucket}/archive.zip", {"s3": options}))
    with pytest.raises(UnsupportedError, match="not a ZIP archive"):
        open_source(RemoteName(f"zip://none::{bucket}/pc", {"s3": options}))


def test_an_archive_on_this_machine(fixtures: Fixtures, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w", strict_timestamps=False) as archive:
        archive.write(fixtures["pc"].path, "pc")
    assert check(f"zip://pc::{tmp_path}/archive").verdict == "clean"
    assert check(f"zip://pc::file://{tmp_path}/archive").verdict == "clean"


def test_s3_is_asked_for_nothing_but_ranges(
    bucket: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request for the size, or for a list of the bucket."""
    s3fs = pytest.importorskip("s3fs")
    asked: list[tuple[str, str]] = []
    call = s3fs.S3FileSystem._call_s3  # noqa: SLF001

    async def counted(self: object, method: str, *args: object, **kwargs: object) -> object:
        asked.append((method, str(kwargs.get("Range"))))
        return await call(self, method, *args, **kwargs)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    assert check(RemoteName(f"{bucket}/pc", options)).verdict == "clean"
    assert {method for method, _ in asked} == {"get_object"}
    assert len(asked) <= 12


@pytest.mark.usefixtures("bucket")
def test_options_from_the_command_line_and_the_environment(store: str) -> None:
    """And from the environment, as fsspec takes them."""
    given = [f"endpoint_url={store}", "key=name", "secret=word"]
    words = [word for option in given for word in ("--storage-option", option)]
    told = process("info", *words, "s3://guests/pc")
    assert (told.returncode, told.stderr) == (0, "")
    environment = {
        "FSSPEC_S3": json.dumps({"endpoint_url": store}),
        "AWS_ACCESS_KEY_ID": "name",
        "AWS_SECRET_ACCESS_KEY": "word",
    }
    same = process("info", "s3://guests/pc", env=environment)
    assert (same.returncode, same.stdout) == (0, told.stdout)
