"""The benchmarks measure each run alone."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tools.bench import __main__ as bench
from tools.bench import older
from tools.bench.measure import Comparison, Run, compare, mappedram, python, run
from tools.bench.row import Command, Row
from tools.oracle import OracleBlock, OracleFile

MIB = 1 << 20


def test_memory_is_that_of_the_program_and_not_of_who_starts_it() -> None:
    held = np.ones(400 * MIB, np.uint8)  # as in benchmarks that make large files
    assert run([sys.executable, "-I", "-S", "-c", ""]).resident < 40 * MIB
    assert run(python("held = b'1' * (200 << 20)")).resident > 200 * MIB
    assert held[-1] == 1


def test_ratios_are_of_neighbours() -> None:
    ours = tuple(Run(seconds, 0) for seconds in (1, 6, 2))
    theirs = tuple(Run(seconds, 0) for seconds in (2, 2, 2))
    assert Comparison(ours, theirs).ratio == (0.5, 1, 3)


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match=": 5: because"):
        run(python("import sys; sys.stderr.write('because'); sys.exit(5)"))
    assert run(python("import sys; sys.exit(3)")).seconds > 0


def test_seconds_that_a_peer_reports() -> None:
    row = Row("job", "peer", python(""), python("print(1000)"), peer_reports=True)
    assert compare(row, 2).ratio.most < 1
    assert compare(row, 2).peer_seconds == 1000


# Comparison with an older commit.

WHERE = python("import mappedram; print(mappedram.__file__)")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (older.ROOT / ".git").exists():
        pytest.skip("no repository")
    return older.unpacked("HEAD", tmp_path_factory.mktemp("older"))


def _package(command: Command) -> Path:
    """Path of the package that a command runs, in any working directory."""
    done = subprocess.run(command, cwd=older.ROOT, check=True, capture_output=True, text=True)
    return Path(done.stdout.strip()).parents[1]


def test_each_side_runs_a_package_of_its_own(tree: Path) -> None:
    row = older.against(Row("job", "peer", WHERE, ["false"], limit=5), tree, "HEAD")
    assert row is not None
    assert _package(row.ours) == older.ROOT
    assert _package(row.theirs) == tree != older.ROOT
    assert (row.peer, row.limit) == ("the same at HEAD", 1.1)


def test_what_stands_before_the_interpreter_stays() -> None:
    command = older.of_package(["taskset", "-c", "0", *python("1", 2)], Path("/older"))
    assert command[:5] == ["taskset", "-c", "0", "env", "PYTHONPATH=/older"]
    assert command[-4:] == ["-P", "-c", "1", "2"]


def test_a_row_that_runs_no_python_has_no_older_one() -> None:
    assert older.against(Row("job", "peer", ["true"], WHERE), Path("/older"), "HEAD") is None


def test_the_whole_specification_is_there(tree: Path) -> None:
    row = older.against(Row("", "", mappedram("explain", "MR201"), []), tree, "HEAD")
    assert row is not None
    for command in (row.ours, row.theirs):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def test_ratios_against_a_commit_are_printed(
    tree: Path,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def rows(folder: Path, _: ExitStack) -> list[Row]:
        path = folder / "tiny"
        with path.open("w+b") as stream:
            OracleFile([OracleBlock("a", 4096)]).write(stream.fileno())
        tiny = Row("`info`, tiny", "nothing", mappedram("info", path), ["true"], limit=9)
        return [tiny, Row("another", "nothing", ["false"], ["false"])]

    monkeypatch.setattr(bench, "SUITES", {"reading": rows, "fuzzing": lambda *_: []})
    monkeypatch.setattr(older, "LIMIT", 1000.0)
    arguments = ["bench", "--against", "HEAD", "--rounds", "2", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert bench.main() == 0
    last = capsys.readouterr().out.splitlines()[-1].split(" | ")
    assert last[:2] == ["| `info`, tiny", "the same at HEAD"]
    least, middle, most = map(float, last[4].split(" / "))
    assert 0 < least <= middle <= most
    assert os.listdir(tmp_path) == []


def test_a_commit_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--against", "no-such-commit"])
    with pytest.raises(SystemExit, match="2"):
        bench.main()


def test_what_is_held_against_an_older_commit_is_there() -> None:
    suites, words = bench.AGAINST
    assert set(suites) <= bench.SUITES.keys()
    sources = "".join(
        Path(sys.modules[bench.SUITES[suite].__module__].__file__ or "").read_text("utf-8")
        for suite in suites
    )
    assert all(word in sources for word in words)
