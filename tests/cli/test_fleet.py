"""`fleet`: one line for each file, a summary, and runs that continue where one ended."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import ROOT, TIMEOUT, Run, patched
from tests.conftest import Fixtures

NAMES = ("pc", "killed", "plain", "uuid")


@pytest.fixture
def folder(fixtures: Fixtures, tmp_path: Path) -> Path:
    """Snapshots of four kinds, one that is corrupt, and a file that is none."""
    place = tmp_path / "snapshots"
    place.mkdir()
    for name in NAMES:
        (place / f"{name}.x").symlink_to(fixtures[name].path)
    patched(fixtures["pc"], place, "/ram/blocks[0]/mapped_ram/version", b"\0\0\0\2")
    (place / "pc.mapped-ram").rename(place / "corrupt.x")
    (place / "text.x").write_text("text")
    return place


def lines(path: Path) -> dict[str, Any]:
    entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = {Path(entry["file"]).name: entry for entry in entries}
    assert len(found) == len(entries)
    return found


def test_lines_are_those_of_check(folder: Path, run: Run, tmp_path: Path) -> None:
    files = sorted(folder.iterdir())
    missing = folder / "missing.x"
    results = tmp_path / "results"
    outcome = run("fleet", "check", folder / "*.x", missing, folder, "-o", results)
    single = run("check", "--output", "json", *files, missing, folder)
    assert outcome.status == single.status == 1
    assert outcome.err == ""
    found = lines(results)
    for entry in single.json:
        line = found.pop(Path(entry["file"]).name)
        assert line.pop("status") == run("check", entry["file"]).status
        assert line.pop("job") == "check"
        assert (line.pop("identity") is None) == (entry["file"] == str(missing))
        assert line == entry
    assert not found


def test_lines_are_those_of_info(folder: Path, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    outcome = run("fleet", "info", folder / "*.x", folder, "-o", results, "--output", "json")
    assert outcome.status == 1
    found = lines(results)
    for path in folder.iterdir():
        single = run("info", "--output", "json", path)
        line = found.pop(path.name)
        assert line.pop("job") == "info"
        assert line.pop("identity")["size"] == path.stat().st_size
        assert line.pop("status") == single.status
        if error := line.pop("error", None):
            assert single.err == f"mappedram: {path}: {error}\n"
        assert line == (single.json if single.out else {"file": str(path), "machine": None})
    assert [*found] == [folder.name]
    summary = outcome.json
    assert {name: told["files"] for name, told in summary["save"].items()} == {
        "complete": 3,
        "incomplete": 2,
        "error": 2,
    }


@pytest.mark.parametrize("options", [(), ("--limit", "3"), ("--count",), ("--block", "pc.ram")])
def test_lines_are_those_of_search(
    options: tuple[str, ...], folder: Path, run: Run, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    names = ("pc.x", "plain.x", "text.x", "killed.x")
    wanted = ("--as", "hex", "52 41 4d 30", "-C", "2", *options)
    outcome = run("fleet", "search", *wanted, *(folder / name for name in names), "-o", results)
    assert outcome.status == 1
    found = lines(results)
    for name in names:
        single = run("search", *wanted, folder / name, "--output", "json")
        line = {**found[name]}
        assert line.pop("job").startswith("search --hex=52414d30")
        assert line.pop("identity")
        if single.out:
            assert line.pop("doubts") == []
            assert line == {**single.json, "status": 0}
        else:
            assert f"{line['error']}" in single.err
    assert found["pc.x"].get("matches") or found["pc.x"]["count"] > 0
    assert "error" in found["text.x"]


def test_the_summary(folder: Path, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    outcome = run("fleet", "check", folder / "*.x", "-o", results, "--output", "json")
    assert outcome.status == 2
    summary = outcome.json
    assert (summary["files"], summary["status"]) == (6, 2)
    verdicts = [entry["verdict"] for entry in lines(results).values()]
    assert summary["verdict"] == {one: {"files": verdicts.count(one)} for one in {*verdicts}}
    assert len(summary["verdict"]) > 2
    codes = {one["code"] for one in lines(results)["corrupt.x"]["findings"]}
    assert codes
    assert codes <= summary["rule"].keys()
    assert sum(summary["machine"]["pc-i440fx-10.0"].values()) == 5
    human = run("fleet", "check", folder / "*.x", "--resume", results)
    assert human.status == 2
    assert human.err == f"mappedram: {results}: has results for 6 of 6 files\n"
    table = dict(line.split() for line in human.out.split("\n\n")[1].splitlines()[1:])
    assert table == {name: str(told["files"]) for name, told in summary["verdict"].items()}


def test_junit(folder: Path, run: Run, tmp_path: Path) -> None:
    """The report of `check`, suite by suite; of two results for one file, the last."""
    results = tmp_path / "results"
    arguments = [*sorted(folder.glob("*.x")), folder / "missing"]
    run("fleet", "check", folder / "pc.x", folder / "text.x", "--resume", results)
    os.utime(folder / "text.x", ns=(0, 0))
    outcome = run("fleet", "check", *arguments, "--resume", results, "--output", "junit")
    assert outcome.status == 1
    expected = run("check", *arguments, "--output", "junit").out

    def suites(text: str) -> dict[str, bytes]:
        found = ElementTree.fromstring(text)
        return {one.get("name", ""): ElementTree.tostring(one).strip() for one in found}

    assert suites(outcome.out) == suites(expected)
    assert len(results.read_text().splitlines()) == len(arguments) + 1


def test_results_on_standard_output(folder: Path, run: Run) -> None:
    outcome = run("fleet", "check", folder / "pc.x", folder / "uuid.x", "--jobs", "1")
    assert outcome.status == 0
    assert [json.loads(line)["verdict"] for line in outcome.out.splitlines()] == ["clean"] * 2
    assert outcome.err.startswith("2 files\n\nverdict  files\nclean        2\n")


def test_options_of_check(folder: Path, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    rules = ("--select", "mr06", "--ignore", "MR061")
    options = ("--qemu", "9.2", "--destination", folder / "uuid.x", *rules)
    outcome = run("fleet", "check", folder / "pc.x", "-o", results, *options)
    (entry,) = lines(results).values()
    (expected,) = run("check", folder / "pc.x", "--output", "json", *options).json
    assert outcome.status == entry.pop("status")
    assert entry.pop("job").startswith("check --select=MR06 --ignore=MR061 --qemu=9.2 --dest")
    assert {**entry, **expected} == entry


def test_resuming_does_what_is_left(folder: Path, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run("fleet", "check", folder / "pc.x", folder / "uuid.x", "--resume", results)
    before = results.read_bytes()
    with results.open("ab") as stream:
        stream.write(before[:100])
    outcome = run("fleet", "check", folder / "*.x", "--resume", results)
    assert outcome.err == (
        f"mappedram: {results}: removed the last 100 bytes, an unfinished line\n"
        f"mappedram: {results}: has results for 2 of 6 files\n"
    )
    assert outcome.out.startswith("6 files\n")
    assert results.read_bytes().startswith(before)
    assert len(lines(results)) == 6


def test_the_results_of_another_question(folder: Path, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run("fleet", "check", folder / "pc.x", "-o", results)
    outcome = run("fleet", "check", folder / "pc.x", "--resume", results, "--qemu", "9.2")
    assert outcome.status == 1
    assert outcome.err == (
        f"mappedram: {results}: line 1 is a result of another job: check (at 0x0)\n"
    )


def test_lists(folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (tmp_path / "list").write_text("pc.x\nuuid.x\n*.x\n")
    outcome = run("fleet", "check", "pc.x", "--from", tmp_path / "list")
    found = {
        json.loads(line)["file"]: json.loads(line)["verdict"]
        for line in outcome.out.split("\n")[:-1]
    }
    assert found == {"pc.x": "clean", "uuid.x": "clean", "*.x": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a PATTERN, or --from FILE"),
        (["a", "--resume", "r", "-o", "r"], "--resume cannot be used with -o or --force"),
        (["a", "--resume", "r", "--force"], "--resume cannot be used with -o or --force"),
        (["a", "--output", "json"], "--output json is for the summary, and requires -o or"),
        (["a", "-o", "-", "--output", "json"], "--output json is for the summary, and"),
        (["a", "--scheduler", "tcp://a:1", "--jobs", "2"], "--scheduler cannot be used with"),
        (["a", "--time-limit", "0"], "Invalid value for '--time-limit'"),
        (["a", "--select", "MX"], "--select: no rule has a code that begins with 'MX'"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, run: Run) -> None:
    outcome = run("fleet", "check", *arguments)
    assert outcome.status == 64
    assert message in outcome.err


def test_a_pattern_without_a_match(folder: Path, run: Run) -> None:
    outcome = run("fleet", "check", folder / "pc.x", folder / "*.nothing")
    assert outcome.status == 1
    assert outcome.err.endswith(f"mappedram: {folder}/*.nothing: no such file\n")
    assert len(outcome.out.splitlines()) == 1


def test_a_snapshot_is_not_overwritten(folder: Path, run: Run) -> None:
    target = folder / "corrupt.x"
    before = target.read_bytes()
    for options in (["-o", target], ["-o", target, "--force"], ["--resume", target]):
        outcome = run("fleet", "check", folder / "pc.x", *options)
        assert outcome.status == 1
        assert outcome.err.startswith(f"mappedram: {target}: ")
        assert target.read_bytes() == before


def test_a_full_disk(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    original = os.pwrite
    room = [3000]

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        room[0] -= min(len(data), room[0])
        if not room[0]:
            raise OSError(28, "No space left on device")
        return original(fd, data[: room[0]], offset)

    with monkeypatch.context() as context:
        context.setattr("mappedram.io.system.calls.pwrite", pwrite)
        outcome = run("fleet", "check", folder / "*.x", "-o", results)
    assert outcome.status == 1
    assert outcome.err.startswith(f"mappedram: {results}: No space left on device (at 0x")
    run("fleet", "check", folder / "*.x", "--resume", results)
    assert len(lines(results)) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_can_be_continued(
    number: signal.Signals, folder: Path, run: Run, tmp_path: Path
) -> None:
    names = tmp_path / "list"
    for index in range(120):
        (folder / f"{index}.y").symlink_to(folder / "pc.x")
    names.write_text("".join(f"{folder}/{index}.y\n" for index in range(120)))
    results = tmp_path / "results"
    with subprocess.Popen(
        [sys.executable, "-m", "mappedram", "fleet", "check", "--from", names, "-o", results],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as running:
        while not (results.exists() and results.stat().st_size):
            assert running.poll() is None
            time.sleep(0.01)
        os.killpg(running.pid, number)  # as a terminal does
        out, err = running.communicate(timeout=TIMEOUT)
    done = len(lines(results))
    assert 0 < done < 120
    word, status = {2: ("interrupted", 130), 15: ("terminated", 143)}[number]
    assert running.returncode == status
    assert out == ""
    assert err.split("\n") == [
        f"mappedram: {done} of 120 files done; --resume {results} continues",
        *([""] if number == signal.SIGINT else []),  # below the ^C of the terminal
        f"mappedram: {word}",
        "",
    ]
    outcome = run("fleet", "check", "--from", names, "--resume", results)
    assert outcome.status == 0
    assert f"has results for {done} of 120 files" in outcome.err
    assert len(lines(results)) == 120
