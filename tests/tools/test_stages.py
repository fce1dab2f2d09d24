"""`tools/test` runs all its stages, counts the tests, and gives advice."""

import sys
from pathlib import Path

import pytest

from tools import stages
from tools.stages import Stage

SUITE = """
import pytest

def test_that_passes():
    pass

def test_that_fails():
    assert False

@pytest.mark.parametrize("number", range(3))
def test_that_is_skipped(number):
    pytest.skip("no flux capacitor: run tools/install")

@pytest.fixture
def broken():
    raise ValueError

def test_whose_fixture_fails(broken):
    pass
"""


def stage(name: str, program: str) -> Stage:
    return Stage(name, (sys.executable, "-c", program), f"remedy of {name}")


@pytest.fixture
def tests(tmp_path: Path) -> Stage:
    path = tmp_path / "test_small.py"
    path.write_text(SUITE)
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null")
    return Stage("tests", (*command, str(path)), "remedy of tests", is_pytest=True)


def run_all(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *all_stages: Stage
) -> tuple[int, str]:
    monkeypatch.setattr(stages, "STAGES", all_stages)
    monkeypatch.setattr(sys, "argv", ["tools.stages", "-q"])
    return stages.main(), capfd.readouterr().out


def test_a_failure_hides_no_later_stage(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out = run_all(
        monkeypatch, capfd, stage("first", "raise SystemExit(1)"), stage("second", "print('ran')")
    )
    assert status == 1
    assert out.startswith("ran\n")
    assert "remedy of first" in out
    assert "remedy of second" not in out
    assert out.endswith("\n0 passed, 1 failed, 0 skipped\n")


def test_what_cannot_run_here_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out = run_all(monkeypatch, capfd, stage("first", "raise SystemExit(3)"))
    assert status == 0
    assert "first  skipped" in out
    assert "remedy of first" in out


def test_tests_are_counted_and_reasons_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tests: Stage
) -> None:
    status, out = run_all(monkeypatch, capfd, tests, stage("last", "pass"))
    assert status == 1
    assert "   3  no flux capacitor: run tools/install\n" in out
    assert out.endswith("\n1 passed, 2 failed, 3 skipped\n")


def test_an_internal_error_of_pytest_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command = (sys.executable, "-c", "raise SystemExit(3)")
    status, out = run_all(monkeypatch, capfd, Stage("tests", command, "", is_pytest=True))
    assert status == 1
    assert out.endswith("\n0 passed, 1 failed, 0 skipped\n")


def test_a_signal_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = "import os; os.kill(os.getpid(), 9)"
    status, _ = run_all(monkeypatch, capfd, stage("first", program))
    assert status == 1
