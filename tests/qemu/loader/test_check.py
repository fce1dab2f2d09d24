"""`mappedram check --qemu RELEASE --destination SNAPSHOT`, and the verdicts in its report."""

from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.check.releases import by_outcome
from mappedram.qemu.loader import RELEASES, Destination, Outcome, Verdict
from mappedram.qemu.loader.releases import Basis
from tests.check.draft import Draft
from tests.cli.conftest import Run, on, patched, run
from tests.conftest import Fixtures
from tests.files import copy_sparse, field_place
from tests.qemu.loader.releases import releases_of

__all__ = ["run"]  # a fixture of the tests of the command line


@pytest.mark.parametrize(
    ("release", "status"), [("10.0", 2), ("10.2", 2), ("11.0", 0), ("11.1", 0), ("11.1.0", 0)]
)
def test_release_decides(release: str, status: int, fixtures: Fixtures, run: Run) -> None:
    """A sound file that no QEMU before 11.0 can load."""
    command = on("check", fixtures["ignore-shared"], "--qemu", release)
    assert run(*command).status == status
    assert run(*command, "--output", "json").status == status
    assert run(*on("check", fixtures["ignore-shared"])).status == 0


def test_findings_tell_clean_from_harmless(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    harmless = patched(fixtures["pc"], tmp_path, "/ram/blocks[0]/mapped_ram/version", bytes(4))
    assert run("check", harmless).status == 3
    assert run("check", harmless, "--qemu", "10.0").status == 3
    assert run("check", fixtures["pc"].path, "--qemu", "10.0").status == 0
    assert run("check", fixtures["background-snapshot"].path, "--qemu", "11.1").status == 2


def test_what_is_no_snapshot_stays_unsupported(tmp_path: Path, run: Run) -> None:
    text = tmp_path / "text"
    text.write_text("not a snapshot\n")
    assert run("check", text, "--qemu", "10.0").status == 63
    (report,) = run("check", text, "--output", "json").json
    assert {entry["outcome"] for entry in report["qemu"].values()} == {"refuses"}
    assert report["qemu"]["10.0"]["because"] == ["MR004"]


def test_streams_without_mapped_ram(fixtures: Fixtures, run: Run) -> None:
    """They have verdicts of their own, whatever capabilities the destination has."""
    for options in ((), ("--destination", str(fixtures["pc"].path))):
        command = on("check", fixtures["plain"], "--output", "json", *options)
        assert run(*command, "--qemu", "10.0").status == 0
        judged = run(*command).json[0]["qemu"]
        loading = {name for name, verdict in judged.items() if verdict["outcome"] == "loads"}
        assert loading == {name for name in RELEASES if not name.startswith("9")}
    other = run(*command[:-1], str(fixtures["q35"].path), "--qemu", "10.0")
    assert other.status == 2
    assert other.json[0]["qemu"]["10.0"]["message"].startswith("Machine type received is 'pc-")


def test_destination(fixtures: Fixtures, run: Run) -> None:
    """The machine that wrote another snapshot cannot load this file."""
    pc, other = fixtures["pc"], fixtures["none"]
    fitting = run(*on("check", pc, "--destination", str(pc.path), "--qemu", "10.0"))
    assert fitting.status == 0
    outcome = run(*on("check", pc, "--destination", str(other.path), "--qemu", "10.0"))
    assert outcome.status == 2
    assert "Machine type received is 'pc-i440fx-10.0' and local is 'none'" in outcome.out


def test_destination_with_another_block(fixtures: Fixtures) -> None:
    """With known blocks, a renamed one has QEMU's verdict; without them, it is not wrong."""
    with mappedram.open(fixtures["numa2"].path) as snapshot:
        destination = Destination.of(snapshot)
    path = fixtures["memory-backend"].path
    assert check(path).qemu["10.0"].outcome == "loads"
    judged = check(path, destination=destination).qemu["10.0"]
    assert judged.outcome == "refuses"
    assert judged.message == 'Unknown ramblock "m0", cannot accept migration'


@pytest.mark.parametrize(
    ("options", "status"),
    [(("--qemu", "8.2"), 64), (("--destination", "/nonexistent"), 1)],
)
def test_options_that_cannot_be(
    options: tuple[str, ...], status: int, fixtures: Fixtures, run: Run
) -> None:
    outcome = run(*on("check", fixtures["pc"], *options))
    assert outcome.status == status
    assert outcome.out == ""
    assert options[1] in outcome.err


def test_json(fixtures: Fixtures, run: Run) -> None:
    (report,) = run(*on("check", fixtures["ignore-shared"], "--output", "json")).json
    assert list(report["qemu"]) == list(RELEASES)
    with mappedram.open(fixtures["ignore-shared"].path) as snapshot:
        # 10.0, which does not know `addr`, reads `pages_offset` here.
        place, _ = field_place(snapshot, "/ram/blocks[0]/mapped_ram/bitmap_offset")
    assert report["qemu"]["10.0"] == {
        "outcome": "refuses",
        "multifd": "refuses",
        "because": ["E-028"],
        "message": "Error reading ramblock pc.ram pages, region has bad alignment",
        "offset": place,
        "depends_on_destination": False,
        "certain": True,
        "basis": "measured",
        "remedy": "Load with 11.0 or newer.",
    }
    assert report["qemu"]["9.0"]["message"] == "unsupported machine type"
    assert "message" not in report["qemu"]["11.0"]


def test_releases_that_agree_share_a_line(fixtures: Fixtures, run: Run) -> None:
    lines = run(*on("check", fixtures["ignore-shared"])).out.splitlines()
    path = fixtures["ignore-shared"].path
    assert lines[0].startswith(f"{path}: QEMU 9.0 to 9.2: refuses (MR060)")
    assert lines[0].endswith(': "unsupported machine type"')
    assert lines[1].startswith(f"{path}: QEMU 10.0 to 10.2: refuses (E-028): ")
    assert lines[2] == f"{path}: QEMU 11.0 to 11.1.3: loads"


def verdict_of(message: str | None, basis: Basis = "read", outcome: Outcome = "refuses") -> Verdict:
    return Verdict(outcome, (), message, False, True, basis)


def test_a_group_has_the_words_of_the_newest_that_are_known() -> None:
    found = {"a": verdict_of("old", "measured"), "b": verdict_of("new"), "c": verdict_of(None)}
    last = {"d": verdict_of(None, outcome="hangs")}
    group, other = by_outcome(found | last)
    assert (group.releases, group.span, group.verdict.basis) == (
        ("a", "b", "c"),
        "a to c",
        "measured",
    )
    assert group.quotation == 'b prints "new"'
    assert (other.releases, other.span, other.quotation) == (("d",), "d", None)


def test_words_that_all_say_are_nobodys() -> None:
    (group,) = by_outcome({"a": verdict_of("same"), "b": verdict_of("same")})
    assert group.quotation == '"same"'


def test_words_of_the_release_that_is_named(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Each release is quoted with its own words."""
    cut = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    with cut.open("r+b") as file:
        file.truncate(5_000_000)
    for release in releases_of("pc-i440fx-10.0"):
        message = check(cut).qemu[release].message
        line = run("check", cut, "--qemu", release).out.splitlines()[-2]
        assert line.startswith(f"{cut}: QEMU {release}: refuses (MR002)")
        assert line.endswith(f': "{message}"') is (message is not None)


def test_what_multifd_makes_of_a_cut_file_is_told(
    fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    cut = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    assert "with multifd" not in run("check", cut).out
    with cut.open("r+b") as file:
        file.truncate(5_000_000)
    lines = [line for line in run("check", cut).out.splitlines() if "with multifd" in line]
    assert len(lines) == 1
    assert "refuses (MR002), with multifd crashes" in lines[0]


def test_memory_that_is_wrong_in_some_releases(fixtures: Fixtures, tmp_path: Path) -> None:
    """10.1 to 11.0 read AVR's pages of 256 bytes as pages of 1 KiB."""
    draft = Draft(fixtures["avr"], tmp_path)
    for idstr, bits in (("flash", 0b1100000), ("sram", 0)):
        block = draft.block(idstr)
        draft.write(block.bitmap_offset or 0, bits.to_bytes(block.bitmap_size, "little"))
    report = check(draft.path)
    (finding,) = (one for one in report.findings if one.code == "MR062")
    assert report.verdict == "harmless"
    assert finding.severity == "warning"
    assert "10.1 to 11.0" in finding.message


def test_a_release_without_a_patch_level_is_the_newest_of_it(fixtures: Fixtures) -> None:
    """In Python as on the command line."""
    path = fixtures["pc"].path
    report = check(path, release="11.1")
    assert (report.asked.release, list(report.qemu)) == ("11.1.3", ["11.1.3"])
    with pytest.raises(KeyError):
        check(path, release="8.2")
