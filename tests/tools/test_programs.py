"""Missing programs are found, installed from available sources, and reported."""

import os
from pathlib import Path

import pytest

from tools import programs
from tools.programs import Program


def executable(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs, "SEARCHED", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("told", "is_found"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.23 linux/amd64", True),
        ("go version go1.19.8 linux/amd64", False),
        ("no version", False),
    ],
)
def test_a_program_that_is_too_old_is_missing(bin_folder: Path, told: str, is_found: bool) -> None:
    executable(bin_folder / "go", f"echo '{told}'")
    assert bool(Program(("go",), "golang-go", "", (1, 23), ("version",)).found) == is_found


def test_any_of_its_names_will_do(bin_folder: Path) -> None:
    program = Program(("chromium", "google-chrome"), "chromium", "")
    assert program.found is None
    executable(bin_folder / "google-chrome", "")
    assert program.found == str(bin_folder / "google-chrome")


def test_what_the_stable_suite_cannot_give_comes_from_backports(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [Program((name,), f"package-{name}", "") for name in ("easy", "held", "nowhere")]
    offers = {None: {"package-easy"}, "bookworm-backports": {"package-held"}}
    asked = []

    def apt(*arguments: str) -> bool:
        if arguments[0] == "update":
            return True
        suite = "bookworm-backports" if "--target-release" in arguments else None
        packages = [word for word in arguments if word.startswith("package-")]
        asked.append((suite, packages))
        if not offers[suite].issuperset(packages):
            return False
        for package in packages:
            executable(bin_folder / package.removeprefix("package-"), "")
        return True

    monkeypatch.setattr(programs, "_apt", apt)
    monkeypatch.setattr(programs, "_backports", lambda: ["bookworm-backports"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    reason = programs.install(wanted)
    assert [program.found is not None for program in wanted] == [True, True, False]
    assert reason == "apt cannot install package-nowhere"
    # Installed packages are not requested again.
    assert ("bookworm-backports", ["package-held", "package-nowhere"]) in asked


def test_without_root_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/apt-get")
    reason = programs.install([Program(("zstd",), "zstd", ""), Program(("lzop",), "lzop", "")])
    assert reason == "installing takes root: run 'sudo apt-get install lzop zstd'"
