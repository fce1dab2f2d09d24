"""Files of QEMU and libvirt on a larger block device read like the files themselves."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mappedram
from tests.cli.conftest import Run, run
from tests.conftest import FIXTURES, UNFINISHED, manifest
from tests.io.system import places
from tests.stream.libvirt import samples
from tools.unpack import unpack

__all__ = ["run"]

#: Files that are recognisably incomplete; for these, the bytes after them matter.
BROKEN_OFF = {*UNFINISHED, "libvirt-interrupted"}
NAMES = sorted({*manifest(), *samples.manifest()} - BROKEN_OFF)
MIB = 1 << 20


@pytest.fixture(params=NAMES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path, int]]:
    """A fixture, a device with the same bytes and garbage after them, and the stream's offset."""
    name: str = request.param
    if name.removeprefix("libvirt-") in ("lzop", "zstd") and shutil.which("lzop") is None:
        pytest.skip("no lzop: run tools/install")
    unpack(FIXTURES / f"{name}.tar.gz", tmp_path / "unpacked")
    (path,) = (tmp_path / "unpacked").iterdir()
    image = tmp_path / "image"
    shutil.copyfile(path, image)
    with image.open("ab") as stream:
        stream.write(b"\xee" * (-stream.tell() % MIB + MIB))
    with places.asked(places.loop, image) as device:
        yield path, device, int(manifest().get(name, {}).get("offset", 0))


def test_a_device_reads_as_the_file_does(
    pair: tuple[Path, Path, int], run: Run, tmp_path: Path
) -> None:
    path, device, offset = pair
    at = ("--offset", offset) if offset else ()
    for verb in ("check", "state", "map", "restore-hint"):
        of_file, of_device = run(verb, *at, path), run(verb, *at, device)
        assert of_device.status == of_file.status, (verb, of_device, of_file)
        said = of_device.out.replace(str(device), str(path))
        assert without_end(said, path) == without_end(of_file.out, path), verb
    written = [tmp_path / "of_file", tmp_path / "of_device"]
    for folder, source in zip(written, (path, device), strict=True):
        folder.mkdir()
        outcome = run("extract", *at, "-d", folder, source)
        (folder / "status").write_text(f"{outcome.status}")
    assert contents(written[1]) == contents(written[0])


def without_end(said: str, path: Path) -> str:
    """Output without the bytes that findings show past the end of the file."""
    end = path.stat().st_size
    return re.sub(rf"\n *0x0*{end - end % 16:x}  .*\n[ ^]+(?=\n)", "", said)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["no-footers", "arm-1k"])
def test_the_description_is_found_on_a_device(name: str, tmp_path: Path) -> None:
    """It ends the file; on the device, a false description follows it."""
    unpack(FIXTURES / f"{name}.tar.gz", tmp_path / "unpacked")
    (path,) = (tmp_path / "unpacked").iterdir()
    image = tmp_path / "image"
    with image.open("wb") as stream:
        stream.write(path.read_bytes() + b'\0\6\0\0\0\2{"\0' + b"\0\6\0\0\0\2{}")
        stream.truncate(stream.tell() + -stream.tell() % MIB)
    with (
        places.asked(places.loop, image) as device,
        mappedram.open(device) as snapshot,
        mappedram.open(path) as file,
    ):
        assert snapshot.complete
        assert snapshot.stream.vmdescription == file.stream.vmdescription
        assert snapshot.stream.end == file.stream.end
