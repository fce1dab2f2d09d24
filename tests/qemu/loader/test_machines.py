"""Machine types by release: the table, and loading a file with an unknown one."""

import re
from pathlib import Path

import pytest

from mappedram.check import check
from mappedram.format.constants import SectionType
from mappedram.qemu.loader import RELEASES, Destination, Release, verdicts
from mappedram.qemu.loader.machines import NEWEST, existence, exists, rows, span
from mappedram.qemu.loader.machines import RELEASES as TABLE_RELEASES
from mappedram.stream.snapshot import open_snapshot
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.qemu.loader.releases import releases_of
from tools.machines.compared import differences
from tools.machines.listed import Listed, at_hand

#: The first and the last release with a machine type, read by hand in their sources.
BOUNDARIES = [
    ("none", "9.0", "11.1"),
    ("microvm", "9.0", "11.1"),
    ("isapc", "9.0", "11.1"),
    ("arduino-uno", "9.0", "11.1"),
    ("virt", "9.0", "11.1"),  # RISC-V in all; LoongArch up to 11.0, Hexagon since 11.1
    ("pc-i440fx-2.3", "9.0", "9.0"),
    ("pc-i440fx-2.4", "9.0", "10.0"),
    ("pc-i440fx-4.1", "9.0", "10.0"),
    ("pc-q35-4.0.1", "9.0", "10.0"),
    ("pc-i440fx-4.2", "9.0", "10.1"),
    ("pc-i440fx-5.0", "9.0", "10.2"),
    ("pc-i440fx-5.1", "9.0", "11.0"),
    ("pc-i440fx-5.2", "9.0", "11.1"),
    ("pc-i440fx-9.1", "9.1", "11.1"),
    ("pc-i440fx-10.0", "10.0", "11.1"),
    ("pc-q35-11.0", "11.0", "11.1"),
    ("pc-i440fx-11.1", "11.1", "11.1"),
    ("xenfv-3.1", "9.0", "10.2"),
    ("virt-2.6", "9.0", "10.0"),
    ("virt-9.0", "9.0", "11.1"),
    ("virt-11.1", "11.1", "11.1"),
    ("s390-ccw-virtio-2.8", "9.0", "9.2"),
    ("s390-ccw-virtio-2.9", "9.0", "10.0"),
    ("s390-ccw-virtio-10.0", "10.0", "11.1"),
    ("pseries-2.12-sxxm", "9.0", "9.1"),
    ("pseries-3.0", "9.0", "10.0"),
    ("pseries-10.2", "10.2", "11.1"),
    ("akita", "9.0", "9.1"),
    ("ast2700-evb", "9.1", "9.2"),
    ("amd-versal-virt", "10.2", "11.1"),
]


@pytest.mark.parametrize(("machine", "first", "last"), BOUNDARIES, ids=lambda value: value)
def test_boundaries(machine: str, first: str, last: str) -> None:
    assert span(machine) == (first, last)
    names = list(TABLE_RELEASES)
    having = names[names.index(first) : names.index(last) + 1]
    for release in names:
        assert exists(machine, release) is (release in having), release


@pytest.mark.parametrize(
    "machine", ["pc-i440fx-rhel7.6.0", "pc", "pc-i440fx-2", "pc-i440fx-2.3 ", "PC-I440FX-2.3", ""]
)
def test_names_of_no_release(machine: str) -> None:
    """Nothing is known of names of a distribution, aliases, or prefixes."""
    assert span(machine) is None
    assert {exists(machine, release) for release in RELEASES} == {None}


def test_patch_levels_are_those_of_their_release() -> None:
    for release in ("11.1", "11.1.0", "11.1.3"):
        assert exists("pc-i440fx-11.1", release) is True
        assert exists("pc-i440fx-5.1", release) is False
    assert exists("pc-i440fx-11.1", "11.0.9") is False


@pytest.mark.parametrize("release", ["8.2", "11.2", "12.0"])
def test_releases_that_were_not_looked_at(release: str) -> None:
    assert exists("none", release) is None
    assert exists("pc-i440fx-11.1", release) is None


def test_every_machine_type_comes_once_and_goes_once() -> None:
    """So two releases describe it, like any other Behaviour."""
    for machine in {row.machine for row in rows()}:
        behaviour = existence(machine)
        assert behaviour is not None
        for release in RELEASES:
            assert Release(release).does(behaviour) is exists(machine, release), (machine, release)
    assert existence("pc-i440fx-1.0") is None


def test_machine_types_that_were_not_removed_by_hand_live_for_six_years() -> None:
    """Since 10.1, a versioned machine type is removed once it is six years old."""
    assert NEWEST == "11.1"
    versions = re.compile(r"(?:pc-i440fx|pc-q35|virt|s390-ccw-virtio|pseries)-(\d+)\.(\d+)")
    matches = [match for row in rows() if (match := versions.fullmatch(row.machine))]
    assert len({match[0] for match in matches}) > 100
    for match in matches:
        version = int(match[1]), int(match[2])
        assert exists(match[0], "11.1") is (version > (5, 1)), match[0]


# Loading a file.


def test_machine_type_that_is_too_new(fixtures: Fixtures) -> None:
    found = check(fixtures["pc-11"].path).qemu
    old = [verdict for release, verdict in found.items() if not release.startswith("11.1")]
    assert len(old) == 7
    assert {(verdict.outcome, verdict.because) for verdict in old} == {("refuses", ("MR060",))}
    assert not any(verdict.depends_on_destination for verdict in old)
    assert all(verdict.certain for verdict in old)
    assert found["9.0"].message == "unsupported machine type"
    assert found["11.0"].message == 'unsupported machine type: "pc-i440fx-11.1"'
    assert (found["11.1.0"].outcome, found["11.1.0"].because) == ("loads", ())


def with_machine(fixtures: Fixtures, folder: Path, machine: bytes) -> Path:
    draft = Draft(fixtures["pc"], folder)  # of pc-i440fx-10.0, as long as those of the tests
    draft.set("/configuration/header", "name", machine)
    # Old releases do not know it, and their machine types are saved without it.
    command = draft.section(SectionType.COMMAND)
    draft.remove(command.offset, command.length)
    return draft.path


def test_machine_type_that_was_removed(fixtures: Fixtures, tmp_path: Path) -> None:
    report = check(with_machine(fixtures, tmp_path, b"pc-i440fx-2.12"))
    assert report.verdict == "clean"
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("MR060", "info")
    assert finding.message == (
        "the machine type 'pc-i440fx-2.12' is in QEMU 9.0 to 10.0, and no longer in 11.1"
    )
    loading = [release for release, verdict in report.qemu.items() if verdict.outcome == "loads"]
    assert loading == releases_of("pc-i440fx-2.12") == ["9.0", "9.1", "9.2", "10.0"]
    assert report.qemu["11.1.0"].because == ("MR060",)
    assert report.qemu["11.1.0"].message == 'unsupported machine type: "pc-i440fx-2.12"'


def test_machine_type_of_one_release_only(fixtures: Fixtures, tmp_path: Path) -> None:
    report = check(with_machine(fixtures, tmp_path, b"pc-i440fx-2.3\0"))
    assert report.qemu["9.0"].outcome == "loads"
    assert report.qemu["9.1"].because == ("MR060",)
    assert report.qemu["9.1"].message == "unsupported machine type"  # and its name


def test_machine_type_of_a_distribution(fixtures: Fixtures, tmp_path: Path) -> None:
    report = check(with_machine(fixtures, tmp_path, b"pc-i440fx-rhel"))
    assert (report.findings, {v.outcome for v in report.qemu.values()}) == ((), {"loads"})


def test_destination_has_its_machine_type(fixtures: Fixtures) -> None:
    """A given destination exists in any release."""
    with open_snapshot(fixtures["pc-11"].path) as snapshot:
        found = verdicts(snapshot, destination=Destination.of(snapshot))
    refused = {release for release, verdict in found.items() if verdict.outcome != "loads"}
    assert refused == {"9.0", "9.1", "9.2"}
    assert {found[release].because for release in refused} == {("E-060",)}  # not MR060


def test_reason_is_the_machine_type_whatever_else_is_wrong(
    fixtures: Fixtures, tmp_path: Path
) -> None:
    """QEMU does not start, so it does not reach the defect."""
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set_in("pc.ram", "mapped_ram/version", 2)
    found = check(draft.path).qemu
    assert found["9.2"].because == ("MR060",)
    assert found["10.0"].because == ("MR001",)


# Comparison with a QEMU.


@pytest.mark.qemu
@pytest.mark.parametrize("binary", at_hand(), ids=lambda binary: binary.name)
def test_emulator_has_what_the_table_says(binary: Path) -> None:
    listed = Listed.of(binary)
    assert listed.machines
    assert {exists(machine, listed.release) for machine in listed.machines} == {True}


@pytest.mark.qemu
def test_table_has_what_the_emulators_have() -> None:
    """It has no others, except those of other builds."""
    listed = [Listed.of(binary) for binary in at_hand()]
    assert listed
    found = list(differences(list(rows()), listed))
    assert [difference for difference in found if difference.reason is None] == []
    explained = {
        difference.machine for difference in found if "no emulator" not in (difference.reason or "")
    }
    assert explained <= {"nitro-enclave", "vmapple", "xenfv-3.1", "xenfv-4.2", "xenpv", "xenpvh"}
