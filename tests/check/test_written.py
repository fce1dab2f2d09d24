"""What QEMU writes and loads with the right memory is not corrupt, whoever wrote it, and how."""

import lzma
import subprocess
from pathlib import Path

import pytest

from mappedram.check import Report, check
from mappedram.layout.constants import QEMU_VM_FILE_MAGIC, SectionType
from tests.check.draft import Draft
from tests.conftest import Fixtures

#: Beside the checkout, or beside the folder of a worktree: what QEMU 9.0.0, 10.2.0 and 11.0.0
#: wrote, and files of public reports. They are not in the repository, as they are megabytes.
SHARED = next(
    (folder for above in Path(__file__).parents[3:5] if (folder := above / "shared").is_dir()),
    Path("shared"),
)
WRITTEN = sorted((SHARED / "verdicts" / "written").glob("*.mr.zst"))
IMAGES = sorted((SHARED / "verdicts" / "written").glob("*.qcow2.zst"))
BESIDE = pytest.mark.skipif(not WRITTEN, reason="there is no ../shared/verdicts/written")

#: Saves that failed half-way: QEMU up to 10.2 dies at END of RAM where a block has no data (E-004),
#: and 9.0 where it has no configuration to describe (E-007), whatever `suppress-vmdesc` says.
CUT_OFF = {"9.0-ignshared", "10.2-ignshared", "9.0-conf-off-nodesc"}


def unpacked(path: Path, folder: Path) -> Path:
    """The file of an archive, in a folder, with its holes."""
    target = folder / path.stem
    if path.suffix == ".xz":
        target.write_bytes(lzma.decompress(path.read_bytes()))
    else:
        subprocess.run(["zstd", "-qd", "--sparse", str(path), "-o", str(target)], check=True)
    return target


def offset_of(path: Path) -> int:
    """Where the stream begins; of the bytes before it, 9.0 has made zeros (E-009)."""
    with path.open("rb") as file:
        return file.read(1 << 21).index(QEMU_VM_FILE_MAGIC)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@BESIDE
@pytest.mark.parametrize("archive", WRITTEN, ids=lambda path: path.name)
def test_releases(archive: Path, tmp_path: Path) -> None:
    path = unpacked(archive, tmp_path)
    report = check(path, offset_of(path))
    if path.stem in CUT_OFF:
        assert codes(report) - {"MR007"} == {"MR002"}
    else:
        assert report.verdict in ("clean", "harmless"), report.findings


@BESIDE
def test_there_are_three_releases() -> None:
    releases = [path.name.partition("-")[0] for path in WRITTEN]
    assert {release: releases.count(release) for release in releases} == {
        "9.0": 21,
        "10.2": 21,
        "11.0": 22,
    }


@BESIDE
@pytest.mark.parametrize("archive", IMAGES, ids=lambda path: path.name)
def test_internal_snapshots(archive: Path, tmp_path: Path) -> None:
    assert check(unpacked(archive, tmp_path)).verdict != "corrupt"


CASES = {
    "background-plain.stream": ("clean", {"MR012", "MR018"}),
    "dirty-bitmaps-without-bitmap.mapped-ram": ("clean", set()),
    "ignore-shared-plain.stream": ("clean", {"MR012"}),
    "rv32.mapped-ram": ("clean", set()),
    "tpm-hda-slirp.mapped-ram": ("clean", set()),
    "truncated-plain.stream": ("corrupt", {"MR002"}),
}


@pytest.mark.parametrize("name", CASES)
def test_reported_files(name: str, tmp_path: Path) -> None:
    archive = SHARED / "cases" / f"{name}.xz"
    if not archive.exists():
        pytest.skip("there is no ../shared/cases")
    report = check(unpacked(archive, tmp_path))
    assert (report.verdict, codes(report)) == CASES[name]


# Devices that have START and no END.


def test_device_of_another_build(fixtures: Fixtures, tmp_path: Path) -> None:
    """Proxmox's QEMU writes `pbs-state` in START alone: a length and a buffer."""
    draft = Draft(fixtures["no-dirty-bitmap"], tmp_path)
    start = draft.section(SectionType.START, "dirty-bitmap")
    section = bytes([SectionType.START]) + draft.read(start.offset + 1, 4) + b"\x09pbs-state"
    section += bytes(4) + (1).to_bytes(4, "big")
    section += (24).to_bytes(8, "big") + b"dirty" * 4 + b"....."[:4]
    section += draft.read(start.payload_end, 5)
    draft.remove(start.offset, start.length)
    draft.insert(start.offset, section)
    assert draft.section(SectionType.START, "pbs-state").length == len(section)
    assert (check(draft.path).verdict, codes(check(draft.path))) == ("clean", set())


def test_bitmaps_that_end_need_no_end_of_the_section(fixtures: Fixtures) -> None:
    """`dirty-bitmaps` is on, and no disk has a bitmap: START says so, and nothing follows."""
    fixture = fixtures["no-dirty-bitmap"]
    report = check(fixture.path)
    assert (report.verdict, codes(report)) == ("clean", set())
    assert {verdict.outcome for verdict in report.qemu.values()} == {"loads"}


def test_live_devices_of_a_background_snapshot(fixtures: Fixtures, tmp_path: Path) -> None:
    """It has no END of any device; that of RAM is what is reported."""
    draft = Draft(fixtures["pseries"], tmp_path)
    for idstr in ("ram", "spapr/htab"):
        section = draft.section(SectionType.END, idstr)
        draft.remove(section.offset, section.length)
    report = check(draft.path)
    assert (report.verdict, codes(report)) == ("harmless", {"MR003"})


# Memory that is not there, and need not be.


def test_background_snapshot_of_empty_memory(fixtures: Fixtures, tmp_path: Path) -> None:
    """All bitmaps are empty, as they were never written, and so is all memory."""
    draft = Draft(fixtures["none"], tmp_path)
    block, end = draft.block("ram"), draft.section(SectionType.END)
    assert block.bitmap_offset is not None
    assert block.pages_offset is not None
    draft.remove(end.offset, end.length)
    draft.write(block.bitmap_offset, bytes(block.bitmap_size))
    draft.write(block.pages_offset, bytes(block.used_length))
    report = check(draft.path)
    assert (report.verdict, codes(report)) == ("harmless", {"MR003"})
    draft.write(block.pages_offset, b"x")
    assert codes(check(draft.path)) == {"MR003", "MR304"}


def test_devices_alone_are_no_migration(fixtures: Fixtures, tmp_path: Path) -> None:
    """One section of a migration more, and RAM is missing."""
    draft = Draft(fixtures["devices-only"], tmp_path)
    end = draft.section(SectionType.EOF)
    draft.insert(end.offset, bytes.fromhex("08 000b 0000"))
    report = check(draft.path)
    assert report.verdict == "corrupt"
    assert "MR006" in codes(report)


def test_no_verdict_of_releases_on_devices_alone(fixtures: Fixtures) -> None:
    """The file is not for an incoming migration: nothing is said of one."""
    assert check(fixtures["devices-only"].path).qemu == {}


def test_memory_in_a_shared_file_is_not_wrong(fixtures: Fixtures, tmp_path: Path) -> None:
    """Where the only block has no data, QEMU 11 leaves the shared memory as it is."""
    draft = Draft(fixtures["ignore-shared"], tmp_path)
    start = draft.section(SectionType.START, "ram")
    first, last = draft.block("pc.ram"), draft.block("/rom@etc/acpi/rsdp")
    draft.write(first.header_end - 16, bytes(16))
    draft.set(f"{start.path}/mem_size", "total_and_flags", first.used_length | 4)
    draft.remove(first.header_end, last.next_offset - first.header_end)
    report = check(draft.path)
    assert report.verdict == "clean"
    assert report.qemu["11.1"].outcome == "loads"
    assert report.qemu["11.1"].depends_on_destination
    assert report.qemu["10.0"].outcome == "refuses"
