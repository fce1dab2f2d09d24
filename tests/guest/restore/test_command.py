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
        "virsh",
        "unpack",
        "unknown",
        "binary",
        "told_by",
        "release",
        "argv",
        "qmp",
        "devices",
        "unknowns",
    ]
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
    assert run("restore-hint", partial, "--output", "json").json["virsh"] is None


@pytest.mark.parametrize("name", ["killed", "background-snapshot"])
def test_nothing_loads_it(fixtures: Fixtures, run: Run, name: str) -> None:
    outcome = run("restore-hint", fixtures[name].path)
    assert (outcome.status, outcome.out) == (1, "")
    assert "mappedram repair" in outcome.err


def test_usage(fixtures: Fixtures, run: Run) -> None:
    assert run("restore-hint", "--direct-io", fixtures["pc"].path).status == 64
    assert run("restore-hint", "--channels", 999, fixtures["pc"].path).status == 64
