"""The corpus: reproducible, described, complete or absent."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.check import RULES, check
from mappedram.format.constants import CommandType
from mappedram.format.foreign.qcow2 import QCOW_MAGIC
from mappedram.fuzz.cases import Case
from mappedram.fuzz.corpus import MANIFEST, described, write
from mappedram.fuzz.defects import NOT_BY_A_FILE
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.qemu.loader import RELEASES
from tests.cli.conftest import ROOT

COUNT = 300


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A corpus of the usual size, and its manifest."""
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, seed=7, count=COUNT)
    return folder, json.loads((folder / MANIFEST).read_text())


Corpus = tuple[Path, dict[str, Any]]


def test_manifest_lists_all_files_and_no_others(corpus: Corpus) -> None:
    folder, manifest = corpus
    names = [entry["name"] for entry in manifest["files"]]
    assert {path.name for path in folder.iterdir()} == {MANIFEST, *names}
    assert len(names) == manifest["count"] == COUNT
    assert manifest["releases"] == list(RELEASES)


def test_manifest_is_right_about_each_file(corpus: Corpus) -> None:
    folder, manifest = corpus
    for entry in manifest["files"]:
        path = folder / entry["name"]
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert len(data) == entry["size"]
        found = {finding.code for finding in check(path, entry["offset"]).findings}
        assert sorted(found) == entry["rules"], path.name


def test_each_rule_is_broken_by_some_file(corpus: Corpus) -> None:
    _, manifest = corpus
    broken = [entry for entry in manifest["files"] if entry["kind"] == "broken"]
    assert all(entry["breaks"] in entry["rules"] for entry in broken)
    assert {entry["breaks"] for entry in broken} == RULES.keys() - NOT_BY_A_FILE.keys()


def test_a_file_that_begins_as_a_disk_image() -> None:
    """QEMU gets the file as it is, and refuses it, whatever an image may hold."""
    sound = SnapshotSpec("none", 4096, (RamSpec("ram", 2, ((0, 1),)),)).file()
    entry = described(Case("MR004-no_stream", sound.write(0, QCOW_MAGIC), breaks="MR004"))
    assert entry["rules"] == ["MR004"]
    assert isinstance(entry["qemu"], dict)
    outcomes = [found["outcome"] for found in entry["qemu"].values() if isinstance(found, dict)]
    assert outcomes == ["refuses"] * len(RELEASES)


def test_what_precedes_a_stream_is_no_disk_image() -> None:
    spec = SnapshotSpec("none", 4096, (RamSpec("ram", 2, ((0, 1),)),), offset=4096)
    draft = Draft(spec.file().write(0, QCOW_MAGIC))
    assert [block.idstr for block in draft.blocks] == ["ram"]


def test_sound_files_load(corpus: Corpus) -> None:
    """Sound files load in releases that know their features.

    SWITCHOVER_START is known since 10.0 (errata E-060), and `addr` of shared blocks is read since
    11.0 (errata E-028). Files whose page size only the blocks tell are left out.
    """
    folder, manifest = corpus
    judged = 0
    for entry in manifest["files"]:
        if entry["kind"] != "sound" or "MR041" in entry["rules"]:
            continue
        with mappedram.open(folder / entry["name"], entry["offset"]) as snapshot:
            shares = snapshot.stream.announces_x_ignore_shared
            commands = {section.command for section in snapshot.sections}
        first = 11 if shares else 10 if CommandType.SWITCHOVER_START in commands else 9
        loads = {name for name, found in entry["qemu"].items() if found["outcome"] == "loads"}
        expected = {name for name in RELEASES if int(name.partition(".")[0]) >= first}
        assert loads == expected, entry["name"]
        judged += 1
    assert judged > COUNT // 4


def test_mutations_are_in_the_file(corpus: Corpus) -> None:
    folder, manifest = corpus
    wild = [entry for entry in manifest["files"] if entry["kind"] == "wild"]
    assert len(wild) == COUNT // 3
    assert all(entry["mutations"] for entry in wild)
    alone = [e for e in wild if len(e["mutations"]) == 1 and e["mutations"][0]["path"] != "/length"]
    for entry in alone:
        (change,) = entry["mutations"]
        after = bytes.fromhex(change["after"])
        with (folder / entry["name"]).open("rb") as stream:
            assert os.pread(stream.fileno(), len(after), change["offset"]) == after


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "again"):
        write(tmp_path / name, seed=3, count=20)
    write(tmp_path / "other", seed=4, count=20)
    digests = [
        [(path.name, path.read_bytes()) for path in sorted((tmp_path / name).iterdir())]
        for name in ("first", "again", "other")
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    with pytest.raises(FileExistsError):
        write(tmp_path, seed=1, count=2)
    assert list(tmp_path.iterdir()) == [mine]
    write(tmp_path, seed=1, count=2, force=True)
    assert mine.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 4


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    write(folder, seed=1, count=1)
    assert len(list(folder.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "corpus"
    process = subprocess.Popen(
        [sys.executable, "-m", "mappedram", "fuzz", "corpus", "--count", "100000", str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and not list(tmp_path.glob(".*/*")):
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + number, said
    assert list(tmp_path.iterdir()) == []
