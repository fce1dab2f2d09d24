"""`fleet search` finds what `search` finds, in however many pieces."""

import json
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.local import LocalPool
from mappedram.fleet.searching import SearchJob, search_all
from mappedram.fleet.work import Engine, FileLimits, Job, Outcome, outcome
from mappedram.guest.physical.located import block_memory
from tests.conftest import Fixtures
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096


def written(path: Path, size: int, runs: list[tuple[int, int]], fill: bytes) -> Path:
    """A file with one block, in which the stored pages have the bytes of `fill`, over and over."""
    with path.open("w+b") as stream:
        OracleFile([OracleBlock("ram", size, runs, fill)]).write(stream.fileno())
    return path


class Here:
    """An engine that works in this process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, job: Job, files: Iterable[FleetFile]) -> Generator[Outcome, None, None]:
        for file in files:
            yield outcome(job, file)


def results(engine: Engine, job: SearchJob, *paths: Path) -> dict[str, Any]:
    files = [FleetFile.named(str(path)) for path in paths]
    found = [json.loads(one.text) for one in search_all(engine, job, files)]
    assert sorted(entry["file"] for entry in found) == sorted(file.name for file in files)
    return {Path(entry["file"]).name: entry for entry in found}


@given(data=st.data())
def test_pieces_find_what_the_whole_finds(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Also patterns across the borders of pieces, and ones that reach into absent pages."""
    edges = sorted(data.draw(st.sets(st.integers(0, 24), min_size=2, max_size=8)))
    runs = list(zip(edges[::2], edges[1::2], strict=False))
    fill = data.draw(st.sampled_from([b"ab", b"a\0", b"aab", b"\0\0\0a"])) * (24 * PAGE)
    path = written(tmp_path_factory.mktemp("pieces") / "file", 24 * PAGE, runs, fill)
    pattern = data.draw(st.sampled_from([b"a", b"ba", b"\0a", b"a\0\0", bytes(3), b"ab" * PAGE]))
    limit = data.draw(st.sampled_from([None, 1, 5]))
    with mappedram.open(path) as snapshot:
        memory = block_memory(snapshot, snapshot.blocks[0])
        expected = list(memory.search(pattern))[:limit]
    piece = data.draw(st.sampled_from([1, 100, PAGE - 1, PAGE, 3 * PAGE + 5]))
    if len(edges) * PAGE // piece > 1000 or len(expected) > 30_000:
        piece = PAGE
    job = SearchJob(
        "search", pattern, "ram", limit=limit, only_count=len(expected) > 500, piece=piece
    )
    entry = results(Here(), job, path)["file"]
    if job.only_count:
        assert entry["count"] == len(expected)
    else:
        assert [match["block_offset"] for match in entry["matches"]] == expected


def test_large_files_are_divided(tmp_path: Path) -> None:
    path = written(tmp_path / "large", 64 * PAGE, [(3, 40)], b"needle, " * PAGE)
    job = SearchJob("search", b"needle", "ram", piece=10 * PAGE)
    first = outcome(job, FleetFile.named(str(path)))
    assert first.pieces == (
        (0, 13 * PAGE),
        (13 * PAGE, 23 * PAGE),
        (23 * PAGE, 33 * PAGE),
        (33 * PAGE, 64 * PAGE),
    )
    small = outcome(replace(job, piece=19 * PAGE), FleetFile.named(str(path)))
    assert small.pieces == ()


def test_a_piece_that_fails_fails_the_file(tmp_path: Path) -> None:
    class Failing(Here):
        def run(self, job: Job, files: Iterable[FleetFile]) -> Generator[Outcome, None, None]:
            for number, file in enumerate(files):
                if file.piece and number == 1:
                    path.unlink()
                yield outcome(job, file)

    path = written(tmp_path / "large", 64 * PAGE, [(3, 40)], b"needle, " * PAGE)
    other = written(tmp_path / "other", 4 * PAGE, [(0, 4)], b"needle, " * PAGE)
    job = SearchJob("search", b"needle", "ram", piece=10 * PAGE, only_count=True)
    found = results(Failing(), job, path, other)
    assert found["other"]["count"] == 2048
    assert found["large"]["error"] == "No such file or directory"
    assert found["large"]["status"] == 1


def test_on_processes(fixtures: Fixtures) -> None:
    paths = [fixtures[name].path for name in ("pc", "plain", "many-runs")]
    job = SearchJob("search", b"RAM", context=3, piece=50_000)
    with LocalPool(2, FileLimits()) as pool:
        found = results(pool, job, *paths)
    for path in paths:
        with mappedram.open(path) as snapshot:
            expected = list(snapshot.physical.search(b"RAM"))
        assert [match["gpa"] for match in found[path.name]["matches"]] == expected
    assert len(found["pc.mapped-ram"]["matches"]) > 100
