"""`mappedram fuzz` on the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mappedram.fuzz.report import FILE
from tests.cli.conftest import ROOT, Run, process, run  # noqa: F401 - a fixture

PYTHON = (sys.executable, "-I", "-S", "-c")


def test_corpus(run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "files"
    outcome = run("fuzz", "corpus", "--count", 6, "--seed", 2, folder)
    assert outcome.status == 0
    assert outcome.out == f"{folder}: 6 files: 2 sound, 2 broken, 2 wild\n"
    again = run("fuzz", "corpus", "--count", 6, "--seed", 2, "--force", "--output", "json", folder)
    assert again.json["files"] == json.loads((folder / "manifest.json").read_text())["files"]
    refused = run("fuzz", "corpus", folder)
    assert refused.status == 1
    assert "is not empty" in refused.err


def test_nothing_found(run: Run, tmp_path: Path) -> None:  # noqa: F811
    found = tmp_path / "found"
    outcome = run("fuzz", "run", "--count", 9, "--seed", 1, "-d", found, "--", "true", "{}")
    assert outcome.status == 0
    assert "9 files of seed 1" in outcome.out
    assert "9 accepts; 0 failures" in outcome.out
    assert not found.exists()


def test_found(run: Run, tmp_path: Path) -> None:  # noqa: F811
    found = tmp_path / "found"
    crash = (*PYTHON, "import os; os.kill(os.getpid(), 11)", "{}")
    options = ("--count", 1, "--seed", 1, "--jobs", 1, "-d", found)
    outcome = run("fuzz", "run", *options, "--", *crash)
    assert outcome.status == 2
    (place,) = found.iterdir()
    assert place.name.startswith("crashes-SIGSEGV-")
    assert str(place) in outcome.out
    assert {path.name for path in place.iterdir()} == {
        "report.json",
        "report.md",
        FILE,
    }
    again = run("fuzz", "run", *options, "--output", "json", "--", *crash)
    assert again.status == 2
    (entry,) = again.json["found"]
    assert (entry["kind"], entry["sign"]) == ("crashes", "SIGSEGV")
    assert (again.json["executions"], again.json["outcomes"]) == (1, {"crashes": 1})


def test_our_own_readers(run: Run, tmp_path: Path) -> None:  # noqa: F811
    """Enough files to break each rule once; our readers survive all of them."""
    options = ("--count", 300, "--seed", 1, "--timeout", 60, "-d", tmp_path / "found")
    outcome = run("fuzz", "run", "--target", "self", *options)
    assert outcome.status == 0, outcome.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "either --target or a COMMAND"),
        (("--target", "self", "--", "true", "{}"), "either --target or a COMMAND"),
        (("--", "true"), "expected {} in COMMAND"),
        (("--target", "bhyve"), "expected qemu:PATH or self"),
        (("--count", "0", "--", "true", "{}"), "--count"),
        (("--timeout", "0", "--", "true", "{}"), "--timeout"),
        (("--jobs", "0", "--", "true", "{}"), "--jobs"),
    ],
)
def test_wrong_usage(args: tuple[str, ...], message: str, run: Run) -> None:  # noqa: F811
    outcome = run("fuzz", "run", *args)
    assert outcome.status == 64
    assert message in outcome.err


@pytest.mark.parametrize("target", [("--target", "qemu:/none/such"), ("--", "/none/such", "{}")])
def test_no_such_program(target: tuple[str, ...], run: Run) -> None:  # noqa: F811
    outcome = run("fuzz", "run", *target)
    assert outcome.status == 1
    assert "no such program" in outcome.err


def test_an_emulator_that_is_none(run: Run) -> None:  # noqa: F811
    outcome = run("fuzz", "run", "--target", "qemu:true")
    assert outcome.status == 1
    assert "no clean file to begin with" in outcome.err


def test_an_interruption_keeps_what_was_found(tmp_path: Path) -> None:
    found, temporary = tmp_path / "found", tmp_path / "tmp"
    temporary.mkdir()
    crash = (*PYTHON, "import os; os.kill(os.getpid(), 11)", "{}")
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "mappedram", "fuzz", "run", "--time", "1000", "--seed", "1"),
            *("-d", found, "--", *crash),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while running.poll() is None and not list(found.glob("crashes*")):
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=300)
    assert running.returncode == 130, said
    assert list(temporary.iterdir()) == []
    places = list(found.iterdir())
    assert all(path.name.startswith("crashes") for path in places)
    assert all(json.loads((path / "report.json").read_text())["kind"] for path in places)


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "file").touch()
    crash = (*PYTHON, "import os; os.kill(os.getpid(), 11)", "{}")
    outcome = run("fuzz", "run", "--count", 1, "-d", tmp_path / "file" / "x", "--", *crash)
    assert outcome.status == 1


def test_help_loads_nothing_slow() -> None:
    program = (
        "import sys; from mappedram.cli.main import main\n"
        "for args in (['--help'], ['fuzz', '--help'], ['fuzz', 'run', '--help']): main(args)\n"
        "print(*sorted({'numpy', 'hypothesis'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "\n"
    assert "--target" in done.stdout


def test_neither_corpus_nor_run_needs_hypothesis(tmp_path: Path) -> None:
    (tmp_path / "hypothesis.py").write_text("raise ImportError('not installed')\n")
    path = f"{tmp_path}:{ROOT}"
    made = process("fuzz", "corpus", "--count", 3, tmp_path / "files", env={"PYTHONPATH": path})
    assert made.returncode == 0, made.stderr
