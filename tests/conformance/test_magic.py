"""`file` recognises the files of the spec by `spec/mapped_ram.magic`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mappedram import open as open_snapshot
from mappedram.format.libvirt import SaveFormat
from tests.conftest import Fixtures, manifest
from tests.stream.libvirt.samples import image
from tools.generate import ksy

MAGIC = ksy.SPEC / "mapped_ram.magic"


def told(path: Path) -> str:
    if shutil.which("file") is None:
        pytest.skip("no file(1): run tools/install")
    command = ["file", "--brief", "--magic-file", str(MAGIC), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "name", [name for name, entry in manifest().items() if not entry["offset"]]
)
def test_stream(name: str, fixtures: Fixtures) -> None:
    path = fixtures[name].path
    with open_snapshot(path, partial=True) as snapshot:
        configuration = snapshot.stream.configuration
        wanted = "QEMU migration stream, version 3"
        if configuration is None:
            wanted += ", no configuration section"
        else:
            wanted += f', machine "{configuration.machine}"'
            wanted += ", with mapped-ram" if snapshot.stream.mapped_ram else ""
    assert told(path) == wanted


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("save_format", SaveFormat)
def test_save_image(order: str, save_format: SaveFormat, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(image(order=order, save_format=save_format))
    assert told(path) == f"libvirt save image, version 2, {save_format.name.lower()}"


def test_save_that_was_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(image(magic=b"LibvirtQemudPart"))
    assert told(path) == "libvirt save image, incomplete, version 2, raw"


def test_another_stream_version(tmp_path: Path) -> None:
    path = tmp_path / "stream"
    path.write_bytes(b"QEVM\0\0\0\2" + bytes(8))
    assert told(path).startswith("QEMU migration stream, version 2")
