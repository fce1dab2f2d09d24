"""Snapshots behind URLs: by name, and by patterns where the file system lists its objects."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappedram.fleet.inputs import Identity, expanded
from tests.cli.conftest import Run, run
from tests.conftest import Fixtures
from tests.io.remote.serving import Server, serving

__all__ = ["run"]


@pytest.fixture
def archive(fixtures: Fixtures, tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as written:
        for name in ("a.x", "b.x", "c.y", "deep/d.x"):
            written.writestr(name, fixtures["killed"].path.read_bytes())
    return path


@pytest.fixture
def server(fixtures: Fixtures, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "pc").symlink_to(fixtures["pc"].path)
    with serving(folder) as started:
        yield started


def test_patterns(archive: Path) -> None:
    unmatched: list[str] = []
    patterns = [f"zip://*.x::{archive}", f"zip://**/d.x::{archive}", f"zip://*.z::{archive}"]
    found = expanded([*patterns, f"file://{archive.parent}/*.zip"], unmatched)
    assert list(found) == [
        f"zip://a.x::{archive}",
        f"zip://b.x::{archive}",
        f"zip://deep/d.x::{archive}",
        str(archive),
    ]
    assert unmatched == [patterns[2]]


def test_names_are_no_patterns() -> None:
    """Nobody is asked for them."""
    urls = ["http://127.0.0.1:1/a?b=[c]", "s3://bucket/name", "memory://a"]
    assert expanded(urls, []) == dict.fromkeys(urls)


def test_identities_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [("s3://b/1", 5, "tag"), ("s3://b/2", 5, None), ("s3://b/3", None, "tag")]
    monkeypatch.setattr("mappedram.io.remote.listing.matching", lambda _: iter(objects))
    found = expanded(["s3://b/*"], [])
    assert found == {"s3://b/1": Identity(5, "tag"), "s3://b/2": None, "s3://b/3": None}


def test_the_verb(archive: Path, server: Server, run: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    arguments = (f"zip://*.x::{archive}", f"{server.url}/pc", f"{server.url}/missing")
    outcome = run("fleet", "check", *arguments, "--resume", results)
    assert outcome.status == 1
    entries = [json.loads(line) for line in results.read_text().splitlines()]
    found = {entry["file"]: entry["verdict"] for entry in entries}
    assert found == {
        f"zip://a.x::{archive}": "corrupt",
        f"zip://b.x::{archive}": "corrupt",
        f"{server.url}/pc": "clean",
        f"{server.url}/missing": None,
    }
    again = run("fleet", "check", *arguments, "--resume", results)
    assert "has results for 4 of 4 files" in again.err


def test_a_protocol_that_nobody_knows(run: Run) -> None:
    outcome = run("fleet", "check", "nosuch://a/*")
    assert outcome.status == 63
    assert outcome.err.startswith("mappedram: nosuch://a/*: fsspec knows no protocol 'nosuch'")


def test_storage_options_reach_the_file_system(run: Run, archive: Path) -> None:
    url = f"zip://*.x::{archive}"
    assert run("fleet", "check", url, "--storage-option", "zip.mode=r").status == 2
    outcome = run("fleet", "check", url, "--storage-option", "zip.mode=nonsense")
    assert outcome.status not in (0, 2)
