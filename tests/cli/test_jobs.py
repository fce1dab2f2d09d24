"""`check --jobs`: the same answers in the same order, and a crash that costs one file."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mappedram.check import Report
from mappedram.check import check as judge
from mappedram.cli import check as verb
from mappedram.cli.workers import Crash, in_order
from tests.cli.conftest import ROOT, Run
from tests.conftest import Fixtures

NAMES = ("pc", "killed", "plain", "live", "none", "background-snapshot", "uuid")


@pytest.fixture
def files(fixtures: Fixtures, tmp_path: Path) -> list[Path]:
    return [*(fixtures[name].path for name in NAMES), tmp_path / "missing"]


@pytest.mark.parametrize("form", ["human", "json", "sarif", "junit"])
def test_the_output_is_that_of_one_process(form: str, files: list[Path], run: Run) -> None:
    args = ("check", "--output", form, *files)
    expected = run(*args)
    assert expected.status == 1
    for jobs in (2, 3, 16):
        assert run(*args, "--jobs", jobs) == expected


def test_rebuilding_too(files: list[Path], run: Run) -> None:
    args = ("check", "--rebuild", *files[:3])
    assert run(*args, "--jobs", "2") == run(*args)


def failing(path: Path, how: Callable[[], object]) -> Callable[..., Report]:
    """`check` that does something else for one file."""
    original = judge

    def check(file: str, *args: object, **options: object) -> Report:
        if file == str(path):
            how()
        return original(file, *args, **options)  # type: ignore[arg-type]

    return check


def test_a_crash_costs_one_file(
    files: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = run("check", files[0], files[2]).out
    crash = failing(files[1], lambda: os.kill(os.getpid(), signal.SIGKILL))
    monkeypatch.setattr(verb, "check", crash)
    outcome = run("check", "--jobs", "2", *files[:3])
    assert outcome.status == 1
    assert outcome.err == (
        f"mappedram: {files[1]}: the process that worked on it was ended by SIGKILL\n"
    )
    assert outcome.out == others
    document = run("check", "--jobs", "2", "--output", "json", *files[:3]).json
    assert [entry["verdict"] is None for entry in document] == [False, True, False]


def test_a_bug_costs_one_file(files: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "check", failing(files[0], lambda: 1 // 0))
    outcome = run("check", "--jobs", "2", *files[:2])
    assert outcome.status == 1
    assert f"{files[0]}: internal error: ZeroDivisionError" in outcome.err
    assert str(files[1]) in outcome.out


def test_results_come_in_order_however_long_they_take() -> None:
    def slow_first(number: int) -> int:
        if number == 0:  # until the others have come and gone
            os.read(reader, 1)
        if number == 9:
            os.write(writer, b"x")
        return number * number

    reader, writer = os.pipe()
    try:
        assert list(in_order(range(10), slow_first, 2)) == [n * n for n in range(10)]
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("jobs", [1, 2, 4, 5])
@pytest.mark.parametrize("count", range(6))
def test_any_number_of_items(count: int, jobs: int) -> None:
    assert list(in_order(range(count), str, jobs)) == [str(number) for number in range(count)]


def test_all_that_is_started_is_ended() -> None:
    results = in_order(range(4), lambda number: signal.pause() if number else os.getpid(), 4)
    assert isinstance(next(results), int)
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_exit_is_a_crash() -> None:
    assert list(in_order([3], os._exit, 1)) == [
        Crash("the process that worked on it ended with status 3")
    ]


def test_an_interrupt(fixtures: Fixtures) -> None:
    """The pipe is full and nobody reads it."""
    with subprocess.Popen(
        [sys.executable, "-m", "mappedram", "check", "--jobs", "2", "--output", "json"]
        + 60 * [str(fixtures["killed"].path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.read(1)
        os.killpg(running.pid, signal.SIGINT)
        running.stdout.read()
        assert running.stderr.read().strip() == "mappedram: interrupted"
    assert running.returncode == 130
