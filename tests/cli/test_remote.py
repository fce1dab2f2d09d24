"""Verbs on URLs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappedram.cli.main import _VERBS
from tests.cli.conftest import ROOT, Run, process
from tests.conftest import Fixtures
from tests.io.remote.serving import Server, serving

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")


@pytest.fixture
def server(tmp_path: Path, fixtures: Fixtures) -> Iterator[Server]:
    """A server of the file `pc`."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/pc").symlink_to(fixtures["pc"].path)
    with serving(tmp_path / "files") as started:
        yield started


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        *((verb, ()) for verb in ("info", "check", "layout", "map", "state")),
        ("dump", ("--block", "pc.ram", "--at", "0xff000,64")),
    ],
)
def test_the_same_output(
    verb: str, words: tuple[str, ...], server: Server, fixtures: Fixtures, run: Run
) -> None:
    path, url = str(fixtures["pc"].path), server.at("pc")
    for form in ((), ("--output", "json")):
        here, there = run(verb, path, *words, *form), run(verb, url, *words, *form)
        assert there.status == here.status == 0
        kept = [line for line in there.out.splitlines() if "not judged" not in line]
        told = "\n".join(kept).replace(url, path)
        assert _without(told, form) == _without(here.out.rstrip("\n"), form)


def _without(text: str, form: tuple[str, ...]) -> object:
    """Output without what only one of both can say."""
    if not form:
        return [" ".join(line.split()) for line in text.splitlines() if not line.startswith("size")]
    document = json.loads(text)
    for entry in document if isinstance(document, list) else [document]:
        for name in ("allocated_size", "not_judged"):
            entry.pop(name, None)
    return document


def test_a_json_report(server: Server, run: Run) -> None:
    (report,) = run("check", "--output", "json", server.at("pc")).json
    assert report["not_judged"] == ["MR302", "MR303", "MR403"]
    assert run("info", "--output", "json", server.at("pc")).json["allocated_size"] is None


def test_junit(server: Server, run: Run) -> None:
    told = run("check", "--output", "junit", server.at("pc")).out
    assert told.count('<skipped message="not judged: the file is remote"') == 3


def test_several_at_a_time(server: Server, run: Run) -> None:
    found = run("check", "--jobs", "2", server.at("pc"), server.at("none"), server.at("pc"))
    assert found.status == 1
    assert found.out.count("clean") == 2
    assert "none: the server has no such object (404)" in found.err


def test_several_at_a_time_and_a_destination(server: Server, run: Run) -> None:
    """The parent has connections of its own, which the processes that it forks leave alone."""
    url = server.at("pc")
    found = run("check", "--jobs", "2", "--destination", url, *[url] * 4)
    assert found.status == 0
    assert run("check", url).status == 0


def test_storage_options(server: Server, run: Run) -> None:
    server.authorization = "Bearer token"
    assert run("info", server.at("pc")).status == 1
    header = 'headers:={"Authorization": "Bearer token"}'
    assert run("info", server.at("pc"), "--storage-option", header).status == 0
    dotted = "headers.Authorization=Bearer token"
    for place in (
        ("check", "--storage-option", dotted, server.at("pc")),
        ("check", server.at("pc"), "--storage-option", dotted, "--jobs", "1"),
    ):
        assert run(*place).status == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("anon", "'anon': expected KEY=VALUE"),
        ("=5", "expected KEY=VALUE"),
        (":=5", "expected KEY=VALUE"),
        ("port:=x", "'x' is no JSON"),
    ],
)
def test_wrong_storage_options(option: str, said: str, server: Server, run: Run) -> None:
    found = run("info", server.at("pc"), "--storage-option", option)
    assert found.status == 64
    assert said in found.err


@pytest.mark.parametrize("verb", _VERBS)
def test_help_tells_what_may_be_a_url(verb: str, run: Run) -> None:
    told = " ".join(run(verb, "--help").out.split())
    reads = verb not in {"explain", "fleet", "fuzz", "volatility", "spec", "completion", "capture"}
    assert ("./ before a name makes it a path" in told) == reads


def test_a_local_file_of_that_name(
    fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:/bucket").mkdir(parents=True)
    (tmp_path / "s3:/bucket/pc").symlink_to(fixtures["pc"].path)
    assert run("info", "s3://bucket/pc").status == 0
    assert run("info", "./s3://bucket/pc").status == 0
    found = run("info", "./s3://bucket/none")
    assert (found.status, "No such file" in found.err) == (1, True)
    assert run("info", "s3:x").err == "mappedram: s3:x: No such file or directory\n"


def test_a_file_url(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    assert run("info", f"file://{path}").out.count("on disk") == 1
    assert run("info", f"file://localhost{path}").status == 0


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("extract", ("-d", "s3://bucket/ram")),
        ("extract", ("-b", "pc.ram", "-o", "s3://bucket/ram")),
        ("convert", ("-O", "stream", "s3://bucket/out")),
        ("metadump", ("s3://bucket/out",)),
        ("repair", ("s3://bucket/out",)),
    ],
)
def test_outputs_are_local(verb: str, words: tuple[str, ...], server: Server, run: Run) -> None:
    found = run(verb, server.at("pc"), *words)
    assert found.status == 64
    assert "is a URL, and only local files are written" in found.err


def test_repair_in_place(server: Server, run: Run) -> None:
    found = run("repair", "--in-place", server.at("pc"))
    assert found.status == 64
    assert "--in-place: a URL cannot be written to" in found.err
    assert server.requests == []


def test_restore_hint_writes_a_copy_first(server: Server, run: Run) -> None:
    told = run("restore-hint", server.at("pc"), "--output", "json").json
    assert told["unpack"][:4] == ["mappedram", "convert", "-O", "mapped-ram"]
    assert told["unpack"][4:] == [server.at("pc"), os.path.abspath("pc")]


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("xyz://host/file", 63, "fsspec knows no protocol 'xyz'; for a file of that name: ./xyz:"),
        ("http://127.0.0.1:9/file", 1, "(5 attempts)"),
    ],
)
def test_what_cannot_be_opened(url: str, status: int, said: str, run: Run) -> None:
    found = run("info", url)
    assert found.status == status
    assert found.err.startswith(f"mappedram: {url}: ")
    assert said in found.err


@pytest.mark.parametrize(
    ("missing", "url", "packages"),
    [
        ("fsspec", "s3://bucket/pc", "'mappedram[remote]' s3fs"),
        ("s3fs", "s3://bucket/pc", "'mappedram[remote]' s3fs"),
        ("aiohttp", "https://host/pc", "'mappedram[remote]'"),
        ("gcsfs", "gs://bucket/pc", "'mappedram[remote]' gcsfs"),
        ("s3fs", "zip://pc::s3://bucket/pc.zip", "'mappedram[remote]' s3fs"),
    ],
)
def test_a_package_is_missing(missing: str, url: str, packages: str, tmp_path: Path) -> None:
    (tmp_path / f"{missing}.py").write_text("raise ImportError('it is missing')")
    found = process("info", url, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert found.returncode == 1
    assert found.stderr.endswith(f"pip install {packages}\n")
    assert found.stderr.count("\n") == 1


def test_nothing_is_imported_for_a_path(fixtures: Fixtures) -> None:
    program = (
        "import sys; from mappedram.cli.main import main; main(['info', sys.argv[1]]);"
        "print(*{'fsspec', 'aiohttp', 'asyncio', 'concurrent.futures'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, fixtures["pc"].path],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == ""
