"""`mappedram spec`: the files of the specification, listed, printed and written."""

import os
from pathlib import Path

import pytest

from mappedram.format.specification import FILES
from tests.cli.conftest import ROOT, Run, process


def test_the_list(run: Run) -> None:
    header, *rows = run("spec").out.splitlines()
    assert header.split() == ["name", "size", "contents"]
    assert [row.split()[0] for row in rows] == list(FILES)
    assert run("spec", "--output", "json").json == [
        {"name": file.name, "size": len(file.data), "holds": file.about} for file in FILES.values()
    ]


def test_a_file_is_printed_as_it_is() -> None:
    for name in ("errata.md", "ram.ksy"):
        assert process("spec", name).stdout == (ROOT / "spec" / name).read_text("utf-8")


def test_several_files_are_printed(run: Run) -> None:
    texts = [FILES[name].text for name in ("ram.ksy", "live.ksy")]
    assert run("spec", "ram.ksy", "live.ksy", "ram.ksy").out == "".join(texts)
    document = run("spec", "ram.ksy", "live.ksy", "--output", "json").json
    assert [entry["text"] for entry in document] == texts


def test_all_files_are_written(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "new" / "folder"
    outcome = run("spec", "-d", folder, "--output", "json")
    assert outcome.status == 0
    assert {path.name for path in folder.iterdir()} == set(FILES)
    for entry in outcome.json:
        assert Path(entry["path"]).read_bytes() == FILES[entry["name"]].data
        assert "text" not in entry


def test_the_written_files_are_those_of_the_repository(tmp_path: Path, run: Run) -> None:
    assert run("spec", "-d", tmp_path).status == 0
    sources = [*(ROOT / "spec").iterdir(), ROOT / "tests" / "conformance" / "vectors.jsonl"]
    assert {path.name: path.read_bytes() for path in sources} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }


def test_some_files_are_written(tmp_path: Path, run: Run) -> None:
    outcome = run("spec", "vectors.jsonl", "-d", tmp_path)
    assert outcome.out == f"{tmp_path}/vectors.jsonl: {FILES['vectors.jsonl'].about}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.jsonl"]


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, run: Run) -> None:
    (tmp_path / "ram.ksy").write_text("mine")
    outcome = run("spec", "-d", tmp_path)
    assert outcome.status == 1
    reason = "already exists (use --force to overwrite it)"
    assert outcome.err == f"mappedram: {tmp_path}/ram.ksy: {reason}\n"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    assert run("spec", "-d", tmp_path, "--force").status == 0
    assert (tmp_path / "ram.ksy").read_bytes() == FILES["ram.ksy"].data


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_folder_that_is_none(run: Run) -> None:
    outcome = run("spec", "-d", "/dev/full")
    assert outcome.status == 1
    assert outcome.err.startswith("mappedram: /dev/full: ")


def test_files_have_the_permissions_of_new_files(tmp_path: Path, run: Run) -> None:
    previous = os.umask(0o027)
    try:
        run("spec", "-d", tmp_path, "ram.ksy")
    finally:
        os.umask(previous)
    assert (tmp_path / "ram.ksy").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["", "ram", "../README.md", "/etc/passwd", "spec/ram.ksy"])
def test_a_file_that_there_is_not(name: str, tmp_path: Path, run: Run) -> None:
    outcome = run("spec", "-d", tmp_path / "new", "ram.ksy", name)
    assert outcome.status == 64
    assert repr(name) in outcome.err
    assert not (tmp_path / "new").exists()
