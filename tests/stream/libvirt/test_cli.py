"""Save images on the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mappedram.stream.libvirt import open_any
from tests.conftest import Fixtures
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import NAMES, XML, Samples, skip_without_decompressor


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
    assert "libvirt save image, format sparse, little-endian header\n" in text
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


def test_repair_of_the_magic_of_a_real_image(samples: Samples, tmp_path: Path) -> None:
    """When libvirt gave up on this image, QEMU continued: only the right magic is missing."""
    whole = copy_sparse(samples["sparse"].path, tmp_path / "whole")
    out = tmp_path / "out"
    patch(whole, 0, b"LibvirtQemudPart")
    assert "libvirt-magic" in run("repair", whole, out)
    run("check", out)
    assert out.read_bytes() == samples["sparse"].path.read_bytes()


def test_repair_leaves_a_compressed_image_alone(samples: Samples, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = run("repair", samples["gzip"].path, out, status=63)
    assert "convert -O libvirt-sparse" in text
    assert not out.exists()


def test_repair_judges_the_image_too(samples: Samples) -> None:
    """Findings about the image are shown, not only those about its stream."""
    text = run("repair", "--dry-run", "--output", "json", samples["swapped"].path, status=3)
    report = json.loads(run("check", "--output", "json", samples["swapped"].path, status=3))
    assert json.loads(text)["findings"] == report[0]["findings"]


@pytest.mark.parametrize("name", ["sparse", "gzip"])
def test_build_from_an_image(samples: Samples, tmp_path: Path, name: str) -> None:
    ram, out, again = tmp_path / "ram", tmp_path / "out", tmp_path / "again"
    run("extract", samples[name].path, "-b", "pc.ram", "-o", ram)
    patch(ram, 0x5000, b"other RAM")
    run("build", "--from", samples[name].path, "--set", f"pc.ram={ram}", out)
    run("check", out)
    run("extract", out, "-b", "pc.ram", "-o", again)
    assert again.read_bytes() == ram.read_bytes()


def test_recipe_with_an_image_as_donor(samples: Samples, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.toml", tmp_path / "out"
    recipe.write_text(f'donor = "{samples["xz"].path}"\n')
    run("build", recipe, out)
    run("check", out)


@pytest.mark.parametrize("name", ["mislabelled", "interrupted"])
def test_no_hint_for_a_damaged_image(samples: Samples, name: str) -> None:
    """As `check` says: libvirt refuses it, though QEMU may load the stream in it."""
    text = run("restore-hint", samples[name].path, status=2)
    assert "virsh" not in text
    assert "qemu-system" not in text


def test_no_hint_for_a_truncated_image(samples: Samples, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(samples["sparse"].path.read_bytes()[:3_000_000])
    assert "qemu-system" not in run("restore-hint", path, status=2)


def test_hint_for_a_metadump_of_an_image(samples: Samples, tmp_path: Path) -> None:
    out = tmp_path / "dump"
    run("metadump", samples["sparse"].path, out)
    told = json.loads(run("restore-hint", "--output", "json", out))
    whole = json.loads(run("restore-hint", "--output", "json", samples["sparse"].path))
    assert told["argv"] == whole["argv"]
    assert told["virsh"] == ["virsh", "restore", "/path/of/the/snapshot"]


def test_hint_for_a_compressed_image(samples: Samples) -> None:
    sample = samples["gzip"]
    document = json.loads(run("restore-hint", "--output", "json", sample.path))
    assert document["virsh"] == ["virsh", "restore", str(sample.path)]
    stream = f"{sample.path}.stream"
    assert document["unpack"] == ["mappedram", "convert", "-O", "stream", str(sample.path), stream]
    assert document["qmp"][-1]["arguments"]["uri"] == f"file:{stream}"
