"""Save images on the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mappedram.container import open_any
from tests.conftest import Fixtures
from tests.libvirt.samples import NAMES, XML, Samples, skip_without_decompressor


def run(*arguments: str | Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mappedram", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_info_as_json(samples: Samples, name: str) -> None:
    skip_without_decompressor(name)
    sample = samples[name]
    status = 1 if name == "interrupted" else 0
    text = run("info", "--output", "json", sample.path, status=status)
    document: dict[str, Any] = json.loads(text.partition("\n}\n")[0] + "}")
    assert document["container"] == "libvirt"
    about = document["libvirt"]
    assert about["stream_offset"] == sample.stream_offset
    assert about["magic"] == sample.header["magic"]
    assert about["domain"]["name"] == "guest"
    assert about["xml"].startswith("<domain type='qemu'>")
    assert about["cookie"].startswith("<cookie>")
    assert document["machine"] == "pc-i440fx-10.0"
    assert document["blocks"][0]["idstr"] == "pc.ram"


def test_info_for_a_person(samples: Samples) -> None:
    text = run("info", samples["sparse-edited"].path)
    assert "save image of libvirt, format sparse, little-endian header\n" in text
    assert "was running   yes" in text
    assert "\nDomain XML\n<domain type='qemu'>" in text
    assert "\nCookie\n<cookie>" in text


def test_layout(samples: Samples) -> None:
    text = run("layout", "--hex", "--region", "libvirt header", samples["swapped"].path)
    assert "cookie_offset" in text


@pytest.mark.parametrize("name", ["sparse", "raw", "xz"])
def test_convert_there_and_back(samples: Samples, tmp_path: Path, name: str) -> None:
    image, bare, again, xml = (tmp_path / part for part in ("image", "bare", "again", "xml"))
    run("convert", "-O", "libvirt-sparse", samples[name].path, image)
    run("check", image)
    run("convert", "-O", "mapped-ram", image, bare)
    run("check", bare)
    run("convert", "-O", "libvirt-sparse", bare, again, status=64)
    xml.write_text(XML)
    run("convert", "-O", "libvirt-sparse", "--xml", xml, bare, again)
    run("check", again)
    with open_any(samples[name].path) as (first, _), open_any(again) as (last, written):
        assert written is not None
        assert (written.xml, written.cookie) == (XML, None)
        for block in first.blocks:
            memory = block.read(0, block.used_length)
            assert last.block[block.idstr].read(0, block.used_length) == memory


def test_convert_refuses_an_interrupted_save(samples: Samples, tmp_path: Path) -> None:
    target = tmp_path / "image"
    run("convert", "-O", "libvirt-sparse", samples["interrupted"].path, target, status=1)
    assert not target.exists()


def test_xml_is_for_images_only(fixtures: Fixtures, tmp_path: Path) -> None:
    xml = tmp_path / "xml"
    xml.write_text(XML)
    command = ("convert", "-O", "mapped-ram", "--xml", xml, fixtures["pc"].path, tmp_path / "out")
    run(*command, status=64)


@pytest.mark.parametrize(
    ("name", "status"), [("sparse", 0), ("swapped", 3), ("mislabelled", 2), ("interrupted", 2)]
)
def test_check(samples: Samples, name: str, status: int) -> None:
    run("check", samples[name].path, status=status)
