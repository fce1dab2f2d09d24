"""Work on a Dask cluster, with a real scheduler and real workers on the loopback."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.fleet import cluster as engine
from mappedram.fleet.cluster import Cluster, ClusterError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.searching import SearchJob, search_all
from mappedram.fleet.work import FileLimits
from tests.cli.conftest import process
from tests.conftest import Fixtures
from tests.fleet.clusters import Processes, cluster
from tests.fleet.jobs import Misbehaving
from tests.fleet.killing import Killer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with cluster(tmp_path_factory.mktemp("dask")) as started:
        yield started


def results(address: str, *names: object, limits: FileLimits | None = None) -> dict[str, Any]:
    files = [FleetFile.named(str(name)) for name in names]
    with Cluster(address, limits or FileLimits()) as workers:
        entries = [json.loads(one.text) for one in workers.run(Misbehaving(), files)]
    found = {os.path.basename(entry["file"]): entry for entry in entries}
    assert len(found) == len(entries) == len(files)
    return found


def test_every_file_has_one_result(running: Processes) -> None:
    found = results(running.address, *range(300))
    assert len(found) == 300
    assert {entry["error"] for entry in found.values()} == {None}
    assert len({entry["process"] for entry in found.values()}) == 2


def test_a_file_that_misbehaves_costs_its_own_line(running: Processes) -> None:
    good = [f"{number}.good" for number in range(20)]
    bad = ["1.crash", "1.exhaust", "1.bug", "1.hang"]
    workers = running.workers()
    limits = FileLimits(20.0, 1 << 30)
    found = results(running.address, *good[:10], *bad, *good[10:], limits=limits)
    assert {name: entry["error"] for name, entry in found.items()} == {
        **dict.fromkeys(good),
        "1.crash": "the process that worked on it died, and another one, too",
        "1.exhaust": "out of memory: the limit is 1073741824 bytes",
        "1.bug": "internal error: ZeroDivisionError: integer division or modulo by zero",
        "1.hang": "no result within 20 s",
    }
    assert running.workers() == workers


def test_nothing_is_lost_while_workers_are_killed(running: Processes) -> None:
    names = [f"{number}.slow" for number in range(400)]
    with Killer(running.workers, 3) as killer:
        found = results(running.address, *names)
    assert found.keys() == {*names}
    assert killer.killed


def test_a_file_that_kills_its_workers(running: Processes) -> None:
    """Dask gives up on all that the worker worked on, of which the others are innocent."""
    names = ("1.worker", *range(40), "2.worker", *range(40, 80))
    found = results(running.address, *names)
    assert {
        name: entry["error"] for name, entry in found.items() if entry["error"]
    } == dict.fromkeys(
        ("1.worker", "2.worker"), "every worker of the cluster that worked on it died"
    )


def test_the_verb_gives_the_same_results(
    running: Processes, fixtures: Fixtures, tmp_path: Path
) -> None:
    files = [fixtures[name].path for name in ("pc", "killed", "plain")]
    names = tmp_path / "names"
    names.write_text("".join(f"{os.path.relpath(path)}\n" for path in files) + "missing\n")
    for name, options in (("here", ["--jobs", "1"]), ("there", ["--scheduler", running.address])):
        arguments = ("--from", names, "-o", tmp_path / name, *options)
        done = process("fleet", "check", *arguments)
        assert (done.returncode, done.stderr) == (1, "")
    here, there = (sorted((tmp_path / name).read_text().split("\n")) for name in ("here", "there"))
    assert here == there
    assert len(here) == 5


def test_large_files_are_searched_in_pieces(running: Processes, fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    job = SearchJob("search", b"RAM", context=3, piece=50_000)
    with Cluster(running.address, FileLimits()) as workers:
        (one,) = search_all(workers, job, [FleetFile.named(str(path))])
    with mappedram.open(path) as snapshot:
        expected = list(snapshot.physical.search(b"RAM"))
    assert [match["gpa"] for match in json.loads(one.text)["matches"]] == expected
    assert expected


def test_a_scheduler_that_is_lost(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as running, Cluster(running.address, FileLimits()) as workers:
        files = (FleetFile.named(f"{number}.slow") for number in range(10**6))
        outcomes = workers.run(Misbehaving(), files)
        next(outcomes)
        running.kill_scheduler()
        with pytest.raises(ClusterError, match="the scheduler was lost") as caught:
            list(outcomes)
        assert caught.value.filename == running.address


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PATIENCE", 1)
    with (
        pytest.raises(ClusterError, match="no connection to the scheduler: "),
        Cluster("tcp://127.0.0.1:1", FileLimits()),
    ):
        pass


def test_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path, 0) as running:
        monkeypatch.setattr(engine, "_PATIENCE", 5)
        with (
            pytest.raises(ClusterError, match="no worker has come within 5 s"),
            Cluster(running.address, FileLimits()),
        ):
            pass


def test_another_version(running: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "__version__", "7.0")
    expected = r"the worker tcp://\S+ has mappedram \S+; expected 7\.0"
    with pytest.raises(ClusterError, match=expected), Cluster(running.address, FileLimits()):
        pass
