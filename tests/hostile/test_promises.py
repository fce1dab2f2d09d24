"""For any file of 1 MiB, each verb needs at most 300 MiB and 10 s, and no exception escapes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mappedram.check import check
from tests.cli.conftest import ROOT, Run
from tests.files import memory_file
from tests.hostile import driver
from tests.hostile.files import FILES, NAMES, SIZE_MAX, length_bombs

MEMORY_MAX = 300 << 20
SECONDS_MAX = 10
#: 64: an image with several snapshots, none of which is named.
STATUSES = {0, 1, 2, 3, 63, 64}
QUICK = ("info", "check")
LONG = ("layout", "state", "extract", "convert", "elf", "lime", "diff")
#: Decompression dominates the time of any verb.
COMPRESSED = {name for name in FILES if name.endswith("bomb") or name.startswith("xz")}


def attack(name: str, verbs: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Costs of each verb, in a process of their own; the file is beside that folder."""
    file = folder / "file"
    file.write_bytes(FILES[name]())
    assert file.stat().st_size <= SIZE_MAX
    out = folder / "out"
    out.mkdir()
    done = subprocess.run(
        [sys.executable, driver.__file__, str(file), str(out), *verbs],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        *((name, QUICK) for name in FILES),
        *(
            pytest.param(name, LONG, marks=pytest.mark.hostile)
            for name in FILES
            if name not in COMPRESSED
        ),
    ],
)
def test_memory_time_and_output_are_bounded(
    name: str, verbs: tuple[str, ...], tmp_path: Path
) -> None:
    result = attack(name, verbs, tmp_path)
    for verb, took in result["verbs"].items():
        files = 2 if verb == "diff" else 1
        assert took["status"] in STATUSES, verb
        assert took["resident"] <= files * MEMORY_MAX, (verb, took["resident"] >> 20)
        assert took["seconds"] <= files * SECONDS_MAX * result["slowness"], (verb, took, result)
        for stream in ("out", "err"):
            text = (tmp_path / "out" / f"{verb}.{stream}").read_bytes()
            assert not control_characters(text), (verb, stream)
            assert b"Traceback" not in text
    # No file is created outside the given places.
    assert {path.name for path in tmp_path.iterdir()} == {"file", "out"}
    assert not Path("/tmp/mappedram-was-here").exists()


def control_characters(text: bytes) -> set[str]:
    """Control characters for terminals, except line ends."""
    return {char for char in text.decode("utf-8") if not char.isprintable()} - {"\n"}


def test_a_large_number_at_every_place() -> None:
    """Two thousand files are opened, judged and followed without large allocations."""
    bombs = list(length_bombs())
    assert len(bombs) > 1000
    before = driver.resident_max()
    for data in bombs:
        with memory_file(data) as fd:
            report = check(fd)
            assert report.findings or report.verdict == "clean"
    assert driver.resident_max() - before < 100 << 20


@pytest.mark.parametrize("form", ["human", "json", "sarif", "junit"])
def test_names_in_every_form_of_a_report(form: str, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "names"
    file.write_bytes(FILES["names"]())
    outcome = run("check", "--output", form, file)
    assert outcome.status == 2
    assert not control_characters(outcome.out.encode() + outcome.err.encode())


def test_names_that_are_extracted_stay_inside(tmp_path: Path, run: Run) -> None:
    """Each block becomes one file in the folder, with a name of its own."""
    file, folder = tmp_path / "file", tmp_path / "inner" / "folder"
    file.write_bytes(FILES["names_in_records"]())
    outcome = run("extract", "-d", folder, file)
    assert outcome.status == 0, outcome.err
    made = list(folder.iterdir())
    assert len(made) == len(NAMES)
    assert all(path.is_file() and path.read_bytes() == b"p" * 1024 for path in made)
    assert [path.name for path in tmp_path.rglob("*") if path.parent != folder] == [
        *("file", "inner"),
        *("folder",),
    ]


# Links in place of outputs.


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "snapshot"
    path.write_bytes(FILES["names_in_records"]())
    return path


OUTPUTS = {
    "extract": ("extract", "-b", "..", "-o", "OUT", "FILE"),
    "convert": ("convert", "-O", "stream", "FILE", "OUT"),
    "raw": ("convert", "-O", "raw", "-b", "..", "FILE", "OUT"),
    "elf": ("convert", "-O", "elf", "FILE", "OUT"),
}


@pytest.mark.parametrize("command", OUTPUTS.values(), ids=list(OUTPUTS))
@pytest.mark.parametrize("force", [False, True])
def test_a_link_is_neither_followed_nor_replaced(
    command: tuple[str, ...], force: bool, tmp_path: Path, victim: Path, snapshot: Path, run: Run
) -> None:
    out = tmp_path / "out"
    out.symlink_to(victim)
    given = {"FILE": str(snapshot), "OUT": str(out)}
    outcome = run(*(given.get(word, word) for word in command), *(["--force"] if force else []))
    assert victim.read_text() == "precious"
    assert outcome.status == 1
    assert out.is_symlink()


def test_a_link_in_the_folder_is_not_followed(
    tmp_path: Path, victim: Path, snapshot: Path, run: Run
) -> None:
    """The folder has links with the names of the blocks."""
    folder = tmp_path / "folder"
    assert run("extract", "-d", folder, snapshot).status == 0
    names = [path.name for path in folder.iterdir()]
    for path in folder.iterdir():
        path.unlink()
        path.symlink_to(victim)
    for force in ([], ["--force"]):
        assert run("extract", "-d", folder, *force, snapshot).status == 1
        assert victim.read_text() == "precious"
        assert sorted(names) == sorted(path.name for path in folder.iterdir())
        assert all(path.is_symlink() for path in folder.iterdir())


def test_a_dangling_link_is_not_followed(tmp_path: Path, snapshot: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "nowhere")
    run("convert", "-O", "stream", snapshot, out)
    assert not (tmp_path / "nowhere").exists()


def test_memory_that_is_taken_is_seen() -> None:
    """In a new process: this one may have used more memory before."""
    program = (
        "from tests.hostile.driver import resident_max; before = resident_max();"
        "taken = b'x' * (64 << 20); print(resident_max() - before)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    # The kernel counts pages in batches per processor, so a few may be missing.
    assert 63 << 20 <= int(done.stdout) < 80 << 20


def test_driver_tells_the_status(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"no snapshot")
    assert driver.run("info", str(file), tmp_path)["status"] == 63
    assert "not a QEMU migration stream" in (tmp_path / "info.err").read_text()
