"""The pool of processes of this machine."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.local import LocalPool
from mappedram.fleet.work import FileLimits
from tests.fleet.jobs import Misbehaving
from tests.fleet.killing import Killer

#: So much that a slow machine does not reach it with a file that is no trouble.
SECONDS = 60.0


def files(*names: object) -> list[FleetFile]:
    return [FleetFile.named(str(name)) for name in names]


def results(names: list[FleetFile], jobs: int = 2, limits: FileLimits | None = None) -> list[Any]:
    with LocalPool(jobs, limits or FileLimits()) as pool:
        return [json.loads(outcome.text) for outcome in pool.run(Misbehaving(), names)]


def errors(entries: list[Any]) -> dict[str, Any]:
    found = {os.path.basename(entry["file"]): entry["error"] for entry in entries}
    assert len(found) == len(entries)
    return found


def processes() -> list[int]:
    """The processes that this one has started."""
    listed = Path("/proc/self/task").glob("*/children")
    return [int(number) for path in listed for number in path.read_text("ascii").split()]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_file_has_one_result(count: int, jobs: int) -> None:
    names = files(*range(count))
    found = errors(results(names, jobs))
    assert found == {file.name: None for file in names}


def test_a_file_that_misbehaves_costs_its_own_line() -> None:
    bad = ["1.crash", "1.exit", "1.leave", "1.exhaust", "1.bug", "1.missing"]
    good = [f"{number}.good" for number in range(20)]
    names = [*good[:10], *bad, *good[10:]]
    found = errors(results(files(*names), limits=FileLimits(SECONDS, 1 << 30)))
    assert found == {
        **dict.fromkeys(good),
        "1.crash": "the process that worked on it died, and another one, too",
        "1.exit": "the process that worked on it died, and another one, too",
        "1.exhaust": "out of memory: the limit is 1073741824 bytes",
        "1.bug": "internal error: ZeroDivisionError: integer division or modulo by zero",
        "1.leave": "internal error: SystemExit: 3",
        "1.missing": "No such file or directory",
    }


@pytest.mark.parametrize("deed", ["hang", "stop"])
def test_a_file_that_hangs(deed: str) -> None:
    found = errors(results(files("1", f"2.{deed}", "3"), 1, FileLimits(seconds=3.0)))
    assert found == {"1": None, f"2.{deed}": "no result within 3 s", "3": None}


def test_a_process_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.once"
    path.touch()
    assert errors(results(files(path, "b"))) == {"a.once": None, "b": None}
    assert not path.exists()


def test_a_process_does_many_files() -> None:
    assert len({entry["process"] for entry in results(files(*range(30)))}) <= 2


def test_what_the_first_file_imports_is_no_garbage() -> None:
    first, *others = results(files(1, 2, 3), jobs=1)
    assert first["frozen"] == 0
    assert all(entry["frozen"] > 0 for entry in others)


def test_nothing_is_lost_while_processes_are_killed() -> None:
    names = files(*(f"{number}.slow" for number in range(100)))
    with Killer(processes, 0.3) as killer:
        found = errors(results(names, 3))
    assert found.keys() == {file.name for file in names}
    assert killer.killed
    assert None in found.values()
    assert {*found.values()} <= {None, "the process that worked on it died, and another one, too"}


def test_files_are_taken_as_the_work_proceeds() -> None:
    taken: list[int] = []

    def endless() -> Iterator[FleetFile]:
        while True:
            taken.append(len(taken))
            yield FleetFile.named(str(len(taken)))

    with LocalPool(2, FileLimits()) as pool:
        outcomes = pool.run(Misbehaving(), endless())
        assert all(next(outcomes).status == 0 for _ in range(20))
    assert len(taken) < 40


def test_leaving_ends_all_processes() -> None:
    with LocalPool(2, FileLimits()) as pool:
        outcomes = pool.run(Misbehaving(), files("1", "2.hang", "3", "4.hang", "5"))
        next(outcomes)
        assert processes()
    assert not processes()
