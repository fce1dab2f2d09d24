"""Exit statuses, messages, and the manners of a command in a pipe."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mappedram
from mappedram.cli import info
from tests.cli.conftest import ROOT, Run, on, process
from tests.conftest import Fixtures
from tests.files import copy_sparse, patch

VERBS = ("info", "layout", "check")
LAYOUT = (sys.executable, "-m", "mappedram", "layout")


# Files that are none of ours, or cut off.


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """Paths that are no snapshots, by what they are."""
    paths = {
        name: tmp_path / name for name in ("missing", "empty", "text", "fifo", "directory", "magic")
    }
    paths["empty"].touch()
    paths["text"].write_text("#!/bin/sh\necho not a snapshot\n")
    os.mkfifo(paths["fifo"])
    paths["directory"].mkdir()
    paths["magic"].write_bytes(b"QEVM")
    return paths | {"null": Path("/dev/null")}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("missing", 1, "No such file or directory"),
        ("directory", 1, "Is a directory"),
        ("empty", 63, "the file is empty"),
        ("null", 63, "a character device"),
        ("fifo", 63, "a pipe"),
        ("text", 63, "not a QEMU migration stream"),
    ],
)
def test_files_that_are_no_snapshots(
    verb: str, kind: str, status: int, message: str, odd: dict[str, Path], run: Run
) -> None:
    outcome = run(verb, odd[kind])
    assert outcome.status == status
    if verb == "check" and status == 63:
        assert message in outcome.out
        return
    assert outcome.out == ""
    assert outcome.err.startswith(f"mappedram: {odd[kind]}: {message}")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["info", "layout"])
def test_a_stream_header_cut_off(verb: str, odd: dict[str, Path], run: Run) -> None:
    outcome = run(verb, odd["magic"])
    assert outcome.status == 1
    assert "(at 0x4, /header/version)" in outcome.err


def test_a_pipe_is_not_waited_for(odd: dict[str, Path]) -> None:
    assert process("info", odd["fifo"]).returncode == 63


@pytest.mark.parametrize("form", ["human", "json"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "size", [8, 9, 0x1B, 0x30, 0x5B, 0x63, 0x8E, 0x100000, 0x1101000, 0x1601000, 0x1602000]
)
def test_files_that_are_cut_off(
    size: int, verb: str, form: str, fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    os.truncate(path, size)
    outcome = run(verb, "--output", form, path)
    if verb == "check":
        assert outcome.status == 2
        assert outcome.err == ""
    else:
        assert outcome.status == 1
        assert re.fullmatch(r"mappedram: .+ \(at 0x[0-9a-f]+, /.+\)\n", outcome.err)
    assert outcome.json if form == "json" else outcome.out


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_give_an_answer(seed: int, fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Headers with a few wrong bytes: whatever a verb makes of them, it is no internal error."""
    chance = random.Random(seed)
    fixture = fixtures[chance.choice(["none", "uuid", "ignore-shared", "killed"])]
    with mappedram.open(fixture.path) as snapshot:
        elements = snapshot.stream.elements
    path = copy_sparse(fixture.path, tmp_path / "mutated")
    for _ in range(2):
        element = chance.choice(elements[:20])
        place = element.offset + chance.randrange(element.length)
        patch(path, place, bytes([chance.choice([0, 1, 0x7F, 0xFF])]))
    for args in (["info"], ["layout"], ["layout", "--hex"], ["layout", "--output", "json"]):
        outcome = run(*args, path)
        assert outcome.status in {0, 1, 63}
        assert "internal error" not in outcome.err
    assert run("check", path).status in {0, 2, 3, 63}


# Usage.


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["info"],
        ["layout"],
        ["check"],
        ["nonsense"],
        ["--nonsense"],
        ["info", "--nonsense", "f"],
        ["info", "f", "g"],
        ["info", "--output", "xml", "f"],
        ["info", "--driver", "none", "f"],
        ["info", "--offset"],
        ["explain", "MR999"],
        ["explain", "MR201", "MR202"],
        *(["info", "--offset", bad, "f"] for bad in ["", "x", "-1", "1.5", "0x", "1X", "0x1K"]),
        ["info", "--offset", "16777216T", "f"],
    ],
)
def test_wrong_usage(args: list[str], run: Run) -> None:
    outcome = run(*args)
    assert outcome.status == 64
    assert outcome.out == ""
    if args:
        first, second = outcome.err.splitlines()
        assert first.startswith("mappedram: ")
        assert re.fullmatch(r"Try 'mappedram( \w+)? --help'\.", second)
    else:
        assert "Usage: mappedram" in outcome.err


@pytest.mark.parametrize("args", [["fuzz"], ["convert", "x", "y"]])
def test_usage_is_no_escape(args: list[str], run: Run) -> None:
    outcome = run(*args)
    assert (outcome.status, outcome.out) == (64, "")
    assert "\\n" not in outcome.err


def test_a_snapshot_is_no_recipe(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    outcome = run("build", fixtures["pc"].path, tmp_path / "out")
    assert outcome.status == 1
    assert "not a recipe: expected TOML" in outcome.err


def test_nothing_is_said_of_a_file_that_is_not_written(
    fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    os.truncate(path, 100)
    outcome = run("repair", path, tmp_path / "out")
    assert outcome.out.startswith(f"{path}: nothing can be repaired; corrupt\n")


@pytest.mark.parametrize("offset", ["4665", "0x1239", "0X1239", "4665b"])
def test_offset(offset: str, fixtures: Fixtures, run: Run) -> None:
    path = fixtures["offset-unaligned"].path
    assert run("info", "--offset", offset, path).status == 0


@pytest.mark.parametrize(
    ("offset", "place"), [("1K", 1 << 10), ("2m", 2 << 20), ("1G", 1 << 30), ("3T", 3 << 40)]
)
def test_offset_with_a_suffix(offset: str, place: int, fixtures: Fixtures, run: Run) -> None:
    outcome = run("info", "--offset", offset, fixtures["pc"].path)
    assert outcome.status == 63
    assert f"(at {place:#x}, /header/magic)" in outcome.err


@pytest.mark.parametrize("verb", [[], ["info"], ["layout"], ["check"], ["explain"]])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(verb: list[str], option: str, run: Run) -> None:
    outcome = run(*verb, option)
    assert outcome.status == 0
    assert "Exit status" in outcome.out
    assert "Example" in outcome.out
    assert all(len(line) <= 80 for line in outcome.out.splitlines())


def test_help_names_every_verb(run: Run) -> None:
    out = run("--help").out
    assert all(re.search(rf"^  {verb} +\w", out, re.MULTILINE) for verb in (*VERBS, "explain"))


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"mappedram {mappedram.__version__}\n", "")


# What goes wrong elsewhere.


def test_debug_shows_where() -> None:
    done = process("--debug", "info", "/nonexistent")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "mappedram: /nonexistent: No such file or directory"


@pytest.mark.parametrize(
    "args",
    [
        ["info", "--debug", "/nonexistent"],
        ["--debug", "info", "/nonexistent"],
        ["fuzz", "run", "--debug"],
    ],
)
def test_debug_behind_the_verb(args: list[str]) -> None:
    assert "Traceback" in process(*args).stderr
    assert "Traceback" not in process(*(arg for arg in args if arg != "--debug")).stderr


def test_a_bug_is_a_message(monkeypatch: pytest.MonkeyPatch, fixtures: Fixtures, run: Run) -> None:
    monkeypatch.setattr(info, "pages_present", lambda _: 1 // 0)
    outcome = run(*on("info", fixtures["pc"]))
    assert outcome.status == 1
    assert outcome.err.startswith("mappedram: internal error: ZeroDivisionError: ")
    assert outcome.err.count("\n") == 1


def test_an_interrupt(monkeypatch: pytest.MonkeyPatch, fixtures: Fixtures, run: Run) -> None:
    def interrupted(_blocks: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "pages_present", interrupted)
    outcome = run(*on("info", fixtures["pc"]))
    assert outcome.status == 130
    assert outcome.err.strip() == "mappedram: interrupted"


def test_an_interrupt_of_the_process(fixtures: Fixtures) -> None:
    """The pipe is full and nobody reads it, so that the command is in the middle of its work."""
    with subprocess.Popen(
        [*LAYOUT, "--output", "json", fixtures["dirty-bitmaps"].path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.read(1)
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        assert running.stderr.read().strip() == "mappedram: interrupted"
    assert running.returncode == 130


@pytest.mark.parametrize("options", [[], ["--hex"], ["--output", "json"]])
def test_a_reader_that_goes_away(options: list[str], fixtures: Fixtures) -> None:
    with subprocess.Popen(
        [*LAYOUT, *options, fixtures["dirty-bitmaps"].path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["info", "--help", "--version", "info --help", "explain MR001"])
def test_output_that_cannot_be_written(fixtures: Fixtures, command: str, unbuffered: str) -> None:
    arguments = [fixtures["pc"].path] if command == "info" else []
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = process(
            *command.split(),
            *arguments,
            stdout=full,
            stderr=-1,
            capture_output=False,
            env={"PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    assert done.stderr == "mappedram: standard output: No space left on device\n"


def test_output_that_is_closed(fixtures: Fixtures) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m mappedram info "$1" >&-', sys.executable, fixtures["pc"].path],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stderr == "mappedram: standard output: Bad file descriptor\n"


def test_a_terminal_that_knows_only_ascii(fixtures: Fixtures) -> None:
    done = process("info", fixtures["live"].path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "\\u2026" in done.stdout


# Colour.


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour(
    env: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    fixtures: Fixtures,
    run: Run,
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert "\x1b" not in run(*on("info", fixtures["pc"])).out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for verb in VERBS:
        assert ("\x1b[" in run(*on(verb, fixtures["killed"])).out) == coloured
        assert "\x1b" not in run(*on(verb, fixtures["killed"], "--output", "json")).out


# Start-up.


@pytest.mark.parametrize("verb", ["info", "layout"])
def test_start_up_loads_nothing_slow(verb: str, fixtures: Fixtures) -> None:
    program = (
        "import sys; from mappedram.cli.main import main; status = main(sys.argv[1:]);"
        "print(*{'numpy', 'rich', 'kaitaistruct', 'mappedram.check'} & set(sys.modules),"
        " file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, verb, fixtures["pc"].path],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout
    assert done.stderr.strip() == ""


def test_module_and_command_are_one(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    assert process("info", path).stdout == run("info", path).out
