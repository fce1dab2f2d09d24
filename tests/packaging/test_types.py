"""A type checker checks programs that use the installed package as strictly as our own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mappedram
from tests.conftest import Fixtures
from tools.docs.site import DOCS
from tools.package.environment import Environment

CONSUMER = Path(__file__).with_name("consumer.py")
#: Each line is a type error, unless everything is `Any`.
WRONG = """\
import mappedram
from mappedram import strategies
from mappedram.check import check

with mappedram.open("guest") as snapshot:
    snapshot.block["pc.ram"].read("0x1000", 16)  # arg-type
    snapshot.block["pc.ram"].runs().nonsense  # attr-defined
    snapshot.nonsense  # attr-defined
    mappedram.opne("guest")  # attr-defined
    snapshot.block["pc.ram"]["x"]  # call-overload
    snapshot.block["pc.ram"][0:4] + "x"  # operator
    mappedram.open(1.5)  # arg-type
    mappedram.check("guest").verdicts  # attr-defined
    mappedram.convert("guest", "out", "qcow2")  # arg-type
    mappedram.extract("guest", "ram").blocks[0].nonsense  # attr-defined
    mappedram.repair("guest", in_place="yes")  # arg-type
    mappedram.diff("a", "b").nonsense  # attr-defined
    check("guest").verdict == "perfect"  # comparison-overlap
    mappedram.create("copy", machine="pc", page_size="4 KiB", blocks=[])  # arg-type
    strategies.broken(204)  # arg-type
"""


def checked(program: Path, installed: Environment) -> subprocess.CompletedProcess[str]:
    """Run `mypy --strict` on a program in a folder without configuration."""
    pytest.importorskip("mypy", reason="no mypy here: run tools/setup dev")
    cache = installed.folder / "mypy"
    options = ("--python-executable", str(installed.python), "--cache-dir", str(cache))
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *options, program.name],
        cwd=program.parent,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_with_strict_types(installed: Environment, tmp_path: Path) -> None:
    done = checked(Path(shutil.copy(CONSUMER, tmp_path)), installed)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_wrong_is_found(installed: Environment, tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    told = re.findall(
        r"^wrong.py:(\d+): error: .*\[([\w-]+)\]$", checked(program, installed).stdout, re.MULTILINE
    )
    expected = [
        (str(number), line.partition("  # ")[2])
        for number, line in enumerate(WRONG.splitlines(), 1)
        if "  # " in line
    ]
    assert told == expected


def test_every_name_that_is_documented_has_a_type(installed: Environment, tmp_path: Path) -> None:
    """`from a.b import c` of every name on the page of Python; none is `Any`."""
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"^\.\. auto(?:class|function):: (mappedram[\w.]+)", text, re.MULTILINE)
    names += [f"mappedram.{name}" for name in mappedram.__all__]
    assert len(names) > 20
    lines = []
    for number, name in enumerate(names):
        module, _, what = name.rpartition(".")
        lines += [f"from {module} import {what} as name{number}", f"reveal_type(name{number})"]
    program = tmp_path / "names.py"
    program.write_text("\n".join(lines) + "\n")
    out = checked(program, installed).stdout
    told = re.findall(r'note: Revealed type is "(.+)"', out)
    assert len(told) == len(names), out
    assert "Any" not in told


def test_the_program_runs(installed: Environment, fixtures: Fixtures, tmp_path: Path) -> None:
    installed.run([installed.python, CONSUMER, fixtures["pc"].path, tmp_path / "copy"])


def test_what_is_installed_is_what_is_used(installed: Environment) -> None:
    asked = "import mappedram; print(mappedram.__file__)"
    place = Path(installed.run([installed.python, "-c", asked]).stdout.strip())
    assert place.is_relative_to(installed.folder)


def test_names_that_are_loaded_late_are_shown() -> None:
    program = "import mappedram, sys; print(*dir(mappedram)); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names, modules = (set(line.split()) for line in done.stdout.splitlines())
    assert set(mappedram.__all__) <= names
    assert {"create", "SnapshotWriter", "BlockSpec"} <= names
    assert "mappedram.stream.writer" not in modules
