"""What a shell completes: verbs, options, codes, and names of the file on the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run
from tests.conftest import Fixtures

#: What bash does when somebody presses the tab key behind the last word.
BASH = """
eval "$(mappedram completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_mappedram_completion mappedram
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a command of that name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "mappedram"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mappedram "$@"\n')
    command.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


def completed(environment: dict[str, str], *words: object, shell: str = "bash") -> list[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    done = subprocess.run(
        [shell, "-c", BASH, shell, "mappedram", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["re"], ["repair", "restore-hint"]),
        (["info", "--o"], ["--offset", "--output"]),
        (["check", "--output", ""], ["human", "json", "sarif", "junit"]),
        (["check", "--qemu", "10.1"], ["10.1"]),
        (["check", "--select", "mr50"], [f"MR50{n}" for n in range(1, 10)]),
        (["explain", "mr201"], ["MR201"]),
        (["explain", "E-00"], [f"E-00{n}" for n in range(1, 10)]),
        (["spec", "err"], ["errata.md"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["state", "/no/such/file", "--device", ""], []),
    ],
)
def test_words(words: list[str], expected: list[str], environment: dict[str, str]) -> None:
    assert completed(environment, *words) == expected


def test_names_of_the_file(fixtures: Fixtures, environment: dict[str, str]) -> None:
    path = fixtures["pc"].path
    assert completed(environment, "extract", path, "-b", "pc.") == ["pc.ram", "pc.rom", "pc.bios"]
    found = completed(environment, "state", path, "--device", "i8")
    assert found == ["i8259/0", "i8259/1", "i8254"]
    assert "pages" in completed(environment, "layout", path, "--region", "pages of pc.r")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(
    shell: str, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    outcome = run("completion", shell)
    assert outcome.status == 0
    assert "_MAPPEDRAM_COMPLETE" in outcome.out
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    script = tmp_path / "script"
    script.write_text(outcome.out)
    done = subprocess.run(
        [shell, "-n", str(script)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == ""


def test_an_unknown_shell(run: Run) -> None:
    assert run("completion", "csh").status == 64
