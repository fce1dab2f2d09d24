"""`mappedram repair` on the command line."""

from pathlib import Path

import pytest

from mappedram.check import check
from mappedram.format.constants import SectionType
from tests.check.draft import Draft
from tests.cli.conftest import Run, on
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.repair.test_repairs import image

KEYS = ["name", "count", "offset", "path", "before", "after", "certain", "note", "unknown_pages"]


def test_background_snapshot(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    outcome = run("repair", fixtures["background-snapshot"].path, out)
    assert (outcome.status, outcome.err) == (0, "")
    assert "0 pages of pc.ram -> 77 pages of pc.ram" in outcome.out
    assert outcome.out.endswith(f"{out}: 5 repairs; clean\n")
    assert check(out).findings == ()
    ram = tmp_path / "ram.raw"
    assert run("extract", out, "-b", "pc.ram", "-o", ram).status == 0


def test_killed(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    outcome = run("repair", fixtures["killed"].path, out)
    assert outcome.status == 2
    assert "QEMU cannot load it, but its memory can be read" in outcome.out
    assert "error MR002 truncated" in outcome.out
    assert f"`mappedram extract {out} -d ram`" in outcome.out  # what remains is about OUT
    assert run("extract", out, "-d", tmp_path / "ram").status == 0


def test_dry_run_writes_nothing(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    outcome = run("repair", "--dry-run", "--output", "json", fixtures["killed"].path)
    assert outcome.status == 2
    assert outcome.json["result"] is None
    assert [list(entry) for entry in outcome.json["repairs"]] == [KEYS, KEYS]
    assert outcome.json["verdict"] == "corrupt"
    (finding,) = outcome.json["findings"]
    assert (finding["code"], finding["remedy"]) == ("MR002", "")  # no command works on a plan
    assert "to repair" in run("repair", "--dry-run", fixtures["killed"].path).out
    assert list(tmp_path.iterdir()) == []


def test_in_place(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = copy_sparse(fixtures["background-snapshot"].path, tmp_path / "file")
    outcome = run("repair", "--in-place", path, "--output", "json")
    assert outcome.status == 0
    assert outcome.json["result"] == str(path)
    assert check(path).findings == ()
    again = run("repair", "--in-place", path)
    assert again == (0, f"{path}: nothing to repair; clean\n", "")


def test_sound_file_is_copied(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    fixture, out = fixtures["offset-unaligned"], tmp_path / "out"
    assert run(*on("repair", fixture, out)).status == 0
    assert out.read_bytes() == fixture.path.read_bytes()


def test_harmless_is_left(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.write(0x80000, b"dirt")
    assert run("repair", draft.path, tmp_path / "out").status == 3
    assert run("repair", "--zero-padding", draft.path, tmp_path / "out2").status == 0


def test_nothing_can_be_done(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    kept = draft.section(SectionType.FULL, "cpu").payload_offset
    with draft.path.open("r+b") as stream:
        stream.truncate(kept)
    outcome = run("repair", draft.path, tmp_path / "out")
    assert outcome.status == 1
    assert "nothing can be repaired" in outcome.err
    assert not (tmp_path / "out").exists()


def test_devices_that_cannot_be_followed(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """They are harmless (MR020), and nothing is repaired: a copy."""
    path, out = fixtures["no-footers-no-vmdesc"].path, tmp_path / "out"
    assert run("repair", path, out).status == 3
    assert out.read_bytes() == path.read_bytes()


def test_no_snapshot(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "text"
    path.write_text("text")
    assert run("repair", path, tmp_path / "out").status == 63
    assert run("repair", tmp_path / "nowhere", tmp_path / "out").status == 1


@pytest.mark.parametrize("args", [(), ("--in-place", "--dry-run"), ("--in-place", "out")])
def test_usage(fixtures: Fixtures, run: Run, args: tuple[str, ...]) -> None:
    outcome = run("repair", fixtures["pc"].path, *args)
    assert outcome.status == 64
    assert "expected one of OUT, --in-place and --dry-run" in outcome.err


def test_out_is_kept_without_force(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    assert run("repair", fixtures["killed"].path, out).status == 1
    assert out.read_text() == "precious"
    assert run("repair", "--force", fixtures["killed"].path, out).status == 2


def test_libvirt_image_that_is_mislabelled(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """A plain stream behind a header that says sparse."""
    container, out = tmp_path / "plain", tmp_path / "out"
    container.write_bytes(bytes(0x1239) + fixtures["plain"].path.read_bytes())
    path = image(container, tmp_path / "image", b"LibvirtQemudSave", 6, "little")
    outcome = run("repair", path, out)
    assert outcome.status == 0
    assert "6 (sparse) -> 0 (raw)" in outcome.out
    assert out.read_bytes()[28] == 0
