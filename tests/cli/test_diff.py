"""`mappedram diff`: what it prints, and that its status never says more than it knows."""

import os
import subprocess
from pathlib import Path

import pytest

import mappedram
from mappedram.cli import diff
from tests.cli.conftest import Run, process
from tests.conftest import Fixtures
from tests.diff.test_devices import edited
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import Samples, skip_without_decompressor

KEYS = [
    "a",
    "b",
    "same",
    "headers",
    "blocks",
    "pages",
    "sections",
    "devices",
    "not_compared",
    "stat",
    "trouble",
]


@pytest.fixture
def changed(fixtures: Fixtures, tmp_path: Path) -> Path:
    """`pc` with two pages and one register changed."""
    pc = fixtures["pc"].path
    copy = edited(pc, tmp_path / "changed", {("cpu", 0, "env.eip"): 0x7C00})
    with mappedram.open(pc) as snapshot:
        place = snapshot.block["pc.ram"].model.pages_offset or 0
    return patch(patch(copy, place + 17 * 4096 + 5, b"x"), place + 19 * 4096 - 1, b"x")


def test_the_same_says_nothing(fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", fixtures["pc"].path, fixtures["multifd3"].path)
    assert outcome == (0, "", "")


def test_what_differs(changed: Path, fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", fixtures["pc"].path, changed)
    assert outcome.status == 1
    assert outcome.err == ""
    assert outcome.out == (
        "pc.ram 0x11000-0x13000: 2 pages differ\ncpu/0 env.eip: 0xfff0 (65520) -> 0x7c00 (31744)\n"
    )


def test_json(changed: Path, fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", "--output", "json", fixtures["pc"].path, changed)
    found = outcome.json
    assert outcome.status == 1
    assert list(found) == KEYS
    assert (found["a"], found["b"]) == (str(fixtures["pc"].path), str(changed))
    assert found["same"] is False
    assert found["pages"] == [{"idstr": "pc.ram", "offset": 0x11000, "length": 0x2000}]
    assert found["devices"] == [
        {
            "idstr": "cpu",
            "instance_id": 0,
            "path": "env.eip",
            "a": 0xFFF0,
            "b": 0x7C00,
            "in": "both",
            "note": None,
        }
    ]
    assert found["headers"] == found["blocks"] == found["sections"] == found["trouble"] == []
    assert found["stat"] | {"by_block": None} == {
        "headers": 0,
        "blocks": 0,
        "pages": 2,
        "bytes": 8192,
        "sections": 0,
        "fields": 1,
        "fields_not_compared": 0,
        "by_block": None,
    }
    assert found["not_compared"] == []
    assert found["stat"]["by_block"][0] == {
        "idstr": "pc.ram",
        "page_size": 4096,
        "num_pages": 4096,
        "pages_in_a": 77,
        "pages_in_b": 77,
        "pages": 2,
        "unknown": 0,
    }


def test_counts(changed: Path, fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", "--stat", fixtures["pc"].path, changed)
    assert outcome.status == 1
    assert "pages            2 differ  (8 KiB)\n" in outcome.out
    assert "fields           1 differ\n" in outcome.out
    assert outcome.out.splitlines()[-1].split() == ["pc.ram", "4", "KiB", "77", "77", "2"]
    same = run("diff", "--stat", changed, changed)
    assert same.status == 0
    assert same.out.count(" 0 differ") == 5
    document = run("diff", "--stat", "--output", "json", changed, changed).json
    assert list(document) == ["a", "b", "same", "stat", "trouble"]
    assert document["same"] is True


def test_another_machine(fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", fixtures["pc"].path, fixtures["q35"].path)
    lines = outcome.out.splitlines()
    assert outcome.status == 1
    assert "machine: pc-i440fx-10.0 -> pc-q35-10.0" in lines
    assert "section FULL i8259/0: only in A" not in lines
    assert "section FULL 0000:00:01.0/PIIX3/0: only in A" in lines
    assert "section FULL 0000:00:1f.0/ICH9LPC/0: only in B" in lines


def test_a_block_of_one_side(fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", fixtures["pc"].path, fixtures["aarch64-virt"].path)
    assert "block pc.ram: only in A, 16 MiB\n" in outcome.out
    assert "block mach-virt.ram: only in B, " in outcome.out


def test_a_buffer_from_where_it_differs(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    pc = fixtures["pc"].path
    with mappedram.open(pc) as snapshot:
        value = snapshot.state["mc146818rtc"]["cmos_data"]
    assert isinstance(value, bytes)
    new = value[:0x50] + b"\xaa" + value[0x51:]
    copy = edited(pc, tmp_path / "copy", {("mc146818rtc", 0, "cmos_data"): new})
    assert run("diff", pc, copy).out == "mc146818rtc/0 cmos_data[0x50]: 00 -> aa\n"


def test_offsets(fixtures: Fixtures, run: Run) -> None:
    plain, moved = fixtures["pc"], fixtures["offset-unaligned"]
    outcome = run("diff", "--offset-b", moved.offset, plain.path, moved.path)
    assert outcome == (0, "", "")
    outcome = run("diff", "--offset-a", moved.offset, moved.path, plain.path)
    assert outcome == (0, "", "")


# Trouble.


@pytest.mark.parametrize("name", ["missing", "text", "directory"])
@pytest.mark.parametrize("side", [0, 1])
def test_no_snapshot(name: str, side: int, fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    paths = {kind: tmp_path / kind for kind in ("missing", "text", "directory")}
    paths["text"].write_text("not a snapshot")
    paths["directory"].mkdir()
    files = [fixtures["pc"].path, fixtures["pc"].path]
    files[side] = paths[name]
    outcome = run("diff", *files)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith(f"mappedram: {paths[name]}: ")


@pytest.mark.parametrize("name", ["killed", "background-snapshot"])
def test_bitmaps_that_were_never_written(name: str, fixtures: Fixtures, run: Run) -> None:
    file = fixtures[name].path
    outcome = run("diff", file, file)
    assert outcome.status == 2
    assert outcome.out == ""
    assert f"mappedram: {file}: block 'pc.ram': 4096 of 4096 pages unknown" in outcome.err
    assert "incomplete save: their bitmap was never written" in outcome.err
    document = run("diff", "--output", "json", file, file).json
    assert document["same"] is None
    assert document["trouble"]


def test_a_difference_does_not_hide_trouble(fixtures: Fixtures, run: Run) -> None:
    outcome = run("diff", fixtures["pc"].path, fixtures["background-snapshot"].path)
    assert outcome.status == 2
    assert "incomplete save" in outcome.err
    assert "section COMMAND SWITCHOVER_START: only in A\n" in outcome.out


def test_pages_that_are_not_there(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    pc = fixtures["pc"].path
    with mappedram.open(pc) as snapshot:
        end = snapshot.stream.file_size
        place = snapshot.block["pc.ram"].model.bitmap_offset or 0
        header = snapshot.block["pc.ram"].model.header_end
    copy = copy_sparse(pc, tmp_path / "copy")
    # Its pages are said to stand at the end of the file.
    patch(copy, header - 8, (end - 4096).to_bytes(8, "big"))
    assert place == header
    outcome = run("diff", pc, copy)
    assert outcome.status == 2
    assert f"mappedram: {copy}: " in outcome.err


def test_errors_of_our_own_are_trouble(
    fixtures: Fixtures, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise LookupError("oops")

    monkeypatch.setattr(diff, "diff", fail)
    outcome = run("diff", fixtures["pc"].path, fixtures["pc"].path)
    assert outcome.status == 2
    assert "internal error: LookupError: oops" in outcome.err


def test_output_that_is_lost(changed: Path, fixtures: Fixtures) -> None:
    arguments = "diff", fixtures["pc"].path, changed
    with Path("/dev/full").open("w") as full:
        done = process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == "mappedram: standard output: No space left on device\n"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = process(*arguments, capture_output=False, stdout=pipe, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    "args",
    [[], ["a"], ["a", "b", "c"], ["--nonsense", "a", "b"], ["--offset-a", "x", "a", "b"]],
)
def test_wrong_usage(args: list[str], run: Run) -> None:
    outcome = run("diff", *args)
    assert outcome.status == 64
    assert "Try 'mappedram diff --help'." in outcome.err


def test_help(run: Run) -> None:
    outcome = run("diff", "--help")
    assert outcome.status == 0
    assert "  2   trouble: the comparison is not complete" in outcome.out


@pytest.mark.parametrize("name", ["sparse", "gzip", "xz", "zstd"])
def test_save_images_of_libvirt(name: str, tmp_path: Path, run: Run) -> None:
    """One guest, saved in one format after the other: nothing has gone on but its clock."""
    skip_without_decompressor(name)
    samples = Samples(tmp_path)
    found = run("diff", "--output", "json", samples["raw"].path, samples[name].path)
    assert found.status == 1
    assert found.err == ""
    document = found.json
    assert document["blocks"] == document["pages"] == document["sections"] == []
    assert {one["idstr"] for one in document["devices"]} == {"mc146818rtc"}
