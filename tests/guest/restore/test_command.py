"""`mappedram restore-hint` on the command line."""

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run, on
from tests.conftest import Fixtures
from tests.repair.test_repairs import image


def test_human(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["offset-unaligned"]
    outcome = run(*on("restore-hint", fixture))
    assert (outcome.status, outcome.err) == (0, "")
    lines = [text for text in outcome.out.splitlines() if text and not text.startswith("#")]
    assert lines.pop(0) == (
        f"mappedram extract -b pc.bios -o pc.bios --offset 0x1239 {fixture.path}"
    )
    shell = " ".join(text.rstrip("\\") for text in lines if not text.startswith("{"))
    assert shlex.split(shell)[0] == "qemu-system-x86_64"
    assert shlex.split(shell)[-4:] == ["-incoming", "defer", "-qmp", "stdio"]
    commands = [json.loads(text) for text in lines if text.startswith("{")]
    assert commands[-1]["arguments"]["uri"] == f"file:{fixture.path},offset=0x1239"
    assert "#   firmware: " in outcome.out


def test_json(fixtures: Fixtures, run: Run) -> None:
    document = run(*on("restore-hint", fixtures["q35"], "--output", "json")).json
    assert list(document) == [
        "file",
        "metadump",
        "in_image",
        "virsh",
        "unpack",
        "unknown",
        "verdict",
        "releases",
        "binary",
        "told_by",
        "release",
        "prepare",
        "argv",
        "qmp",
        "options",
        "coverage",
        "not_covered",
        "unknowns",
    ]
    assert {one["covered_by"] for one in document["coverage"]} >= {"machine", "-m 16M"}
    assert (document["release"], document["virsh"]) == ("10.0", None)


def test_libvirt(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    sound = fixtures["offset-unaligned"].path
    path = image(sound, tmp_path / "my image", b"LibvirtQemudSave", 6, "little")
    outcome = run("restore-hint", path, "--channels", 2, "--direct-io")
    assert f"virsh restore '{path}' --parallel-channels 2 --bypass-cache" in outcome.out
    assert "offset=0x1239" in outcome.out
    document = run("restore-hint", path, "--output", "json").json
    assert document["virsh"] == ["virsh", "restore", str(path)]
    partial = image(sound, tmp_path / "partial", b"LibvirtQemudPart", 6, "little")
    outcome = run("restore-hint", partial, "--partial", "--output", "json")
    assert (outcome.status, outcome.json["virsh"]) == (2, None)


def test_two_lists_of_what_loads_it(fixtures: Fixtures, run: Run) -> None:
    """The text and the JSON say the same of the releases."""
    outcome = run("restore-hint", fixtures["pc"].path)
    assert "# QEMU 10.0 to 11.1" in outcome.out
    document = run("restore-hint", fixtures["pc"].path, "--output", "json").json
    assert document["releases"][0] == "10.0"
    assert document["verdict"] == "clean"


@pytest.mark.parametrize("name", ["killed", "background-snapshot"])
def test_no_commands_for_what_nothing_loads(fixtures: Fixtures, run: Run, name: str) -> None:
    """As `check` says; a save image that libvirt refuses is repaired first."""
    path = fixtures[name].path
    outcome = run("restore-hint", path)
    assert (outcome.status, outcome.out) == (2, "")
    assert f"mappedram repair {path}" in outcome.err
    for finding in run("check", path, "--output", "json").json[0]["findings"]:
        assert (finding["code"] in outcome.err) == (finding["severity"] == "error")
    partial = run("restore-hint", "--partial", path)
    assert partial.status == 2
    assert "qemu-system-x86_64" in partial.out


def test_json_of_what_nothing_loads(fixtures: Fixtures, run: Run) -> None:
    outcome = run("restore-hint", fixtures["killed"].path, "--output", "json")
    assert outcome.status == 2
    assert list(outcome.json) == ["file", "verdict", "findings", "repair"]
    assert outcome.json["repair"][:2] == ["mappedram", "repair"]


@pytest.mark.parametrize(
    ("data", "status"), [(b"QEVM\0\0\0\3", 2), (b"", 63), (b"#!/bin/sh\n", 63)]
)
def test_hardly_a_file(tmp_path: Path, run: Run, data: bytes, status: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    outcome = run("restore-hint", path)
    assert (outcome.status, outcome.out) == (status, "")


def test_truncated(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "cut"
    path.write_bytes(fixtures["pc"].path.read_bytes()[:3_000_000])
    outcome = run("restore-hint", path)
    assert (outcome.status, outcome.out) == (2, "")
    assert "MR002" in outcome.err


@pytest.mark.parametrize("name", ["pc", "virtio-mem", "aarch64-virt"])
def test_metadump(fixtures: Fixtures, tmp_path: Path, run: Run, name: str) -> None:
    """The same options; only the snapshot itself can be loaded."""
    path = fixtures[name].path
    assert run("metadump", path, tmp_path / "dump", "--keep", "cpu:*").status == 0
    of_snapshot = run("restore-hint", path, "--output", "json").json
    of_dump = run("restore-hint", tmp_path / "dump", "--output", "json").json
    assert of_dump["metadump"]
    assert of_dump["argv"] == of_snapshot["argv"]
    assert of_dump["coverage"] == of_snapshot["coverage"]
    assert "/path/of/the/snapshot" in of_dump["qmp"][-1]["arguments"]["uri"]


def test_what_is_not_covered_is_printed(fixtures: Fixtures, run: Run) -> None:
    outcome = run("restore-hint", fixtures["no-configuration"].path)
    assert outcome.status == 0
    assert "#   not covered: block 'pc.ram'" in outcome.out


def test_usage(fixtures: Fixtures, run: Run) -> None:
    assert run("restore-hint", "--direct-io", fixtures["pc"].path).status == 64
    assert run("restore-hint", "--channels", 999, fixtures["pc"].path).status == 64
