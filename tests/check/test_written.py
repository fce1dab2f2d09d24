"""What QEMU writes and loads with the right memory is not corrupt, whoever wrote it, and how."""

import tarfile
from pathlib import Path

import pytest

import mappedram
from mappedram.check import Report, check
from mappedram.export.stream import to_stream
from mappedram.format.constants import QEMU_VM_FILE_MAGIC, SectionType
from mappedram.fuzz.sound import DeviceSpec, RamSpec, SnapshotSpec
from mappedram.io.opening import DiskImage
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.qemu.loader.releases import releases_of

#: What QEMU 9.0.0, 10.2.0 and 11.0.0 wrote, built from their releases: machine `none`, 16 MiB that
#: begin with text. `python -m tools.sweep --qemu FOLDER` does the same, and more, with any build.
ARCHIVE = Path(__file__).with_name("written.tar.xz")
with tarfile.open(ARCHIVE) as _archive:
    NAMES = _archive.getnames()
WRITTEN = [name for name in NAMES if name.endswith(".mr")]
IMAGES = [name for name in NAMES if name.endswith(".qcow2")]

#: Saves that failed half-way: QEMU up to 10.2 dies at END of RAM where a block has no data (E-004),
#: and 9.0 where it has no configuration to describe (E-007), whatever `suppress-vmdesc` says.
CUT_OFF = {"9.0-ignshared.mr", "10.2-ignshared.mr", "9.0-conf-off-nodesc.mr"}
#: Of all that loads: what is to be said of it.
SAID = {
    "background-none": ("harmless", {"MR003"}),
    "conf-off-nodesc": ("clean", {"MR007", "MR041"}),
    "ignshared": ("clean", {"MR209"}),
    "nodesc": ("clean", {"MR041"}),
    "returnpath": ("harmless", {"MR033"}),
    "zpd-none": ("clean", {"MR302"}),
    "zpd-none-multifd": ("clean", {"MR302"}),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them, each with its holes."""
    folder = tmp_path_factory.mktemp("written")
    with tarfile.open(ARCHIVE) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return folder


def offset_of(path: Path) -> int:
    """Where the stream begins; of the bytes before it, 9.0 has made zeros (E-009)."""
    with path.open("rb") as file:
        return file.read(1 << 21).index(QEMU_VM_FILE_MAGIC)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("name", WRITTEN)
def test_releases(name: str, written: Path) -> None:
    path = written / name
    report = check(path, offset_of(path))
    if name in CUT_OFF:
        assert codes(report) - {"MR007"} == {"MR002"}
    else:
        way = name.removesuffix(".mr").partition("-")[2]
        assert (report.verdict, codes(report)) == SAID.get(way, ("clean", set()))


def test_there_are_three_releases() -> None:
    releases = [name.partition("-")[0] for name in WRITTEN]
    counts = {release: releases.count(release) for release in releases}
    assert counts == {"9.0": 21, "10.2": 21, "11.0": 22}


@pytest.mark.parametrize(("release", "commands"), [("9.0", []), ("10.2", [11]), ("11.0", [11])])
def test_command_of_a_machine_without_a_version(
    release: str, commands: list[int], written: Path
) -> None:
    """QEMU 10.0 and newer write SWITCHOVER_START with `none` as well (clause 4.5.8)."""
    with mappedram.open(written / f"{release}-plain.mr") as snapshot:
        found = [section.command for section in snapshot.sections]
    assert [command for command in found if command is not None] == commands


def test_header_of_end_comes_before_the_bitmaps(fixtures: Fixtures) -> None:
    """A save that failed at the first bitmap has written it (clause 7.4.4); one killed has not."""
    last = {}
    for name in ("ignore-shared-failed", "killed"):
        path = fixtures[name].path
        with mappedram.open(path, partial=True) as snapshot:
            assert not snapshot.complete
            last[name] = snapshot.sections[-1]
    assert [section.type for section in last.values()] == [SectionType.END, SectionType.PART]
    end, size = last["ignore-shared-failed"], fixtures["ignore-shared-failed"].path.stat().st_size
    assert end.offset + end.header_length == size


@pytest.mark.parametrize(
    ("name", "snapshot", "said"),
    [
        ("10.2-savevm-one.qcow2", None, set()),
        ("11.0-savevm-two.qcow2", "s1", set()),
        ("11.0-savevm-two.qcow2", "s2", {"MR303"}),
    ],
)
def test_internal_snapshots(
    name: str, snapshot: str | None, said: set[str], written: Path, tmp_path: Path
) -> None:
    """A second snapshot has the pages of the first one under clear bits (clause 9.3.11)."""
    assert name in IMAGES
    image = DiskImage(written / name, snapshot)
    report = check(image)
    assert (report.verdict, codes(report)) == ("clean", said)
    assert report.qemu["11.1.3"].outcome == "loads"
    # A copy alone in a file would be taken for a save that was not finished.
    done = mappedram.repair(image, tmp_path / "copy")
    assert (done.changes, done.report.verdict, codes(done.report)) == ((), "clean", set())


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


def test_state_volume_of_proxmox(fixtures: Fixtures, tmp_path: Path) -> None:
    """A machine type with a suffix, `pbs-state`, and a volume that is larger than the stream."""
    with mappedram.open(fixtures["plain"].path) as snapshot:
        start = next(one for one in snapshot.sections if one.type == SectionType.START)
        place = start.offset + start.length
        machine = str(snapshot.stream.machine).encode()
        ranges = snapshot.physical.map.ranges
    data = fixtures["plain"].path.read_bytes()
    section = bytes([SectionType.START]) + (77).to_bytes(4, "big") + b"\x09pbs-state"
    section += bytes(4) + (1).to_bytes(4, "big") + (8).to_bytes(8, "big") + b"abcdefgh"
    section += b"\x7e" + (77).to_bytes(4, "big")
    longer = machine + b"+pve0"
    named = len(machine).to_bytes(4, "big") + machine
    data = data[:place] + section + data[place:]
    data = data.replace(named, len(longer).to_bytes(4, "big") + longer, 1)
    path = tmp_path / "vm-100-state-before.raw"
    path.write_bytes(data + bytes(1 << 20))
    report = check(path)
    assert (report.verdict, codes(report)) == ("harmless", {"MR012", "MR043"})
    said = report.qemu["10.0"]
    assert (said.outcome, said.depends_on_destination) == ("refuses", True)
    assert "'pbs-state'" in str(said.message)
    with mappedram.open(path) as snapshot:
        assert snapshot.stream.machine == longer.decode()
        assert snapshot.physical.map.ranges == ranges


def test_bitmaps_that_end_need_no_end_of_the_section(fixtures: Fixtures) -> None:
    """`dirty-bitmaps` is on, and no disk has a bitmap: START says so, and nothing follows."""
    fixture = fixtures["no-dirty-bitmap"]
    report = check(fixture.path)
    assert (report.verdict, codes(report)) == ("clean", set())
    assert {report.qemu[release].outcome for release in releases_of("pc-i440fx-10.0")} == {"loads"}


def test_live_devices_of_a_background_snapshot(fixtures: Fixtures, tmp_path: Path) -> None:
    """It has no END of any device; that of RAM is what is reported."""
    draft = Draft(fixtures["pseries"], tmp_path)
    for idstr in ("ram", "spapr/htab"):
        section = draft.section(SectionType.END, idstr)
        draft.remove(section.offset, section.length)
    report = check(draft.path)
    assert (report.verdict, codes(report)) == ("harmless", {"MR003"})


# Sections that nothing divides.


def test_neither_footers_nor_description(fixtures: Fixtures, tmp_path: Path) -> None:
    """QEMU loads the file, and its memory can be read: with mapped-ram, and without."""
    fixture = fixtures["no-footers-no-vmdesc"]
    report = check(fixture.path)
    assert (report.verdict, codes(report)) == ("harmless", {"MR020"})
    assert (report.qemu["10.0"].outcome, report.qemu["10.0"].certain) == ("loads", False)
    stream = tmp_path / "stream"
    with mappedram.open(fixture.path) as snapshot, stream.open("w+b") as target:
        to_stream(snapshot, target.fileno())
    report = check(stream)
    assert (report.verdict, codes(report)) == ("harmless", {"MR012", "MR020"})
    assert (report.qemu["10.0"].outcome, report.qemu["10.0"].certain) == ("loads", False)


def test_what_stands_before_the_end_of_ram_is_not_followed() -> None:
    """Behind a device of unknown length, the rest of RAM is out of reach."""
    device = DeviceSpec("virtio-mem", 7, state=bytes(24))
    blocks = (RamSpec("ram", 2, ((0, 1),)),)
    spec = SnapshotSpec("none", 4096, blocks, early=(device,), footers=False, description=False)
    with spec.file().opened() as fd:
        report = check(fd)
    assert (report.verdict, codes(report)) == ("unsupported", {"MR004"})


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
    assert report.qemu["11.1.3"].outcome == "loads"
    assert report.qemu["11.1.3"].depends_on_destination
    assert report.qemu["10.0"].outcome == "refuses"
