"""Verdicts of each release for files that differ from a good one in one field."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.check import RULES, check
from mappedram.fuzz.mutate import Mutator, apply
from mappedram.io.opening import open_source
from mappedram.qemu.loader import ERRATA, RELEASES, Destination, Verdict, verdicts
from mappedram.qemu.loader.failures import ENDINGS
from tests.check.cases import CASES, Case
from tests.check.draft import Draft
from tests.conftest import Fixture, Fixtures
from tests.files import copy_sparse, field_place, memory_file, patch
from tests.qemu.loader.releases import releases_of
from tools.oracle import OracleBlock, OracleFile

RAM = "/ram/blocks[0]"
HEADER = f"{RAM}/mapped_ram"
OLD = ("10.0", "10.1", "10.2", "11.0")
#: They refuse SWITCHOVER_START, which all fixtures of newer releases have.
WITHOUT_SWITCHOVER = {"9.0", "9.1", "9.2"}


def be(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def changed(fixture: Fixture, folder: Path, **fields: bytes) -> Path:
    """A copy of a fixture with other bytes in some fields; the names are paths without slashes."""
    path = copy_sparse(fixture.path, folder / "changed")
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        for name, value in fields.items():
            patch(path, field_place(snapshot, PATHS[name])[0], value)
    return path


PATHS = {
    "magic": "/header/magic",
    "stream_version": "/header/version",
    "len_name": "/configuration/header/len_name",
    "name": "/configuration/header/name",
    "caps_count": "/configuration/subsections[0]/body/caps_count",
    "total": "/sections[0]/mem_size/total_and_flags",
    "used_length": f"{RAM}/used_length",
    "page_size": f"{HEADER}/page_size",
    "version": f"{HEADER}/version",
    "bitmap_offset": f"{HEADER}/bitmap_offset",
    "pages_offset": f"{HEADER}/pages_offset",
    "type_of_end": "/sections[3]/header/section_type",
    "type_of_start": "/sections[0]/header/section_type",
    "type_of_device": "/sections[4]/header/section_type",
    "version_of_device": "/sections[4]/header/version_id",
    "instance_of_device": "/sections[4]/header/instance_id",
}


@contextmanager
def known(fixture: Fixture) -> Iterator[Destination]:
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        yield Destination.of(snapshot)


def judged(path: Path, fixture: Fixture) -> dict[str, Verdict]:
    """Verdicts for the machine that wrote the fixture."""
    with known(fixture) as destination, open_source(path) as source:
        return verdicts(source, fixture.offset, destination)


def outcomes(found: dict[str, Verdict]) -> dict[str, set[str]]:
    """The outcomes of the releases before 11.1, and of 11.1.3."""
    return {
        "old": {found[release].outcome for release in OLD},
        "new": {found["11.1.3"].outcome},
    }


# Good files.


@pytest.mark.parametrize(
    "name", ["pc", "none", "aarch64-virt", "arm-1k", "offset-unaligned", "dirty-bitmaps", "uuid"]
)
def test_good_files_load(name: str, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        machine = snapshot.stream.machine or ""
        for destination in (None, Destination.of(snapshot)):
            found = verdicts(snapshot, destination=destination)
            assert set(found) == set(RELEASES)
            for release, entry in found.items():
                lacks = destination is None and release not in releases_of(machine)
                refused = "MR060" if lacks else "E-060" if release in WITHOUT_SWITCHOVER else None
                expected = ("refuses", (refused,)) if refused else ("loads", ())
                assert (entry.outcome, entry.because) == expected
                assert bool(entry.message) == bool(refused)


def test_no_stream_is_refused_everywhere() -> None:
    for data in (b"", b"QEV", b"\x7fELF" + bytes(100), b"QEVM\0\0\0\2", b"QEVM\0\0\0\3"):
        assert {entry.outcome for entry in verdicts(data).values()} == {"refuses"}


# Differences between releases.


def test_page_size_zero(fixtures: Fixtures, tmp_path: Path) -> None:
    fixture = fixtures["none"]
    found = judged(changed(fixture, tmp_path, page_size=bytes(8)), fixture)
    assert outcomes(found) == {"old": {"crashes"}, "new": {"refuses"}}
    assert found["10.0"].because == found["11.1.3"].because == ("MR204",)
    assert "page_size 0" in (found["11.1.3"].message or "")


def test_pages_of_avr(fixtures: Fixtures) -> None:
    """They have 256 bytes up to 10.0 and 1 KiB since then, whatever the file says."""
    with mappedram.open(fixtures["avr"].path) as snapshot:
        found = verdicts(snapshot)
    loading = {release for release, verdict in found.items() if verdict.outcome == "loads"}
    assert loading == {"10.0"}  # not before, because of SWITCHOVER_START
    assert found["11.1.3"].message is not None
    assert "page_size 256 (expected 1024)" in found["11.1.3"].message


@pytest.mark.parametrize(("bits", "outcome"), [(0b1100000, "wrong-memory"), (0b1, "loads")])
def test_pages_of_avr_in_the_first_quarter(
    fixtures: Fixtures, tmp_path: Path, bits: int, outcome: str
) -> None:
    """10.1 to 11.0 read four times the bytes at four times the offset; only page 0 is in place."""
    draft = Draft(fixtures["avr"], tmp_path)
    flash, sram = (draft.block(idstr) for idstr in ("flash", "sram"))
    assert flash.bitmap_offset is not None
    assert sram.bitmap_offset is not None
    draft.write(flash.bitmap_offset, bits.to_bytes(flash.bitmap_size, "little"))
    draft.write(sram.bitmap_offset, bytes(sram.bitmap_size))
    with draft.snapshot() as snapshot:
        found = verdicts(snapshot)
    assert found["10.0"].outcome == "loads"
    assert {found[release].outcome for release in ("10.1", "10.2", "11.0")} == {outcome}


def test_page_size_without_a_description(fixtures: Fixtures, tmp_path: Path) -> None:
    """It is that of the first block; a block with another one is refused or wrong."""
    draft = Draft(fixtures["arm-1k"], tmp_path)
    draft.resize(draft.description().offset)
    with draft.snapshot() as snapshot:
        found = verdicts(snapshot)
    assert outcomes(found) == {"old": {"loads"}, "new": {"loads"}}
    assert all(verdict.depends_on_destination for verdict in found.values())
    draft.set_in("STM32F205.sram", "mapped_ram/page_size", 4096)
    with draft.snapshot() as snapshot:
        found = verdicts(snapshot)
    assert outcomes(found) == {"old": {"wrong-memory"}, "new": {"refuses"}}


def test_page_size_doubled_loses_half_of_the_memory(fixtures: Fixtures, tmp_path: Path) -> None:
    fixture = fixtures["none"]  # whose last page is stored
    found = judged(changed(fixture, tmp_path, page_size=be(8192, 8)), fixture)
    assert outcomes(found) == {"old": {"wrong-memory"}, "new": {"refuses"}}
    assert found["10.0"].because == ("MR205",)


def test_page_size_halved_reads_zeros_behind_the_bitmap(fixtures: Fixtures, tmp_path: Path) -> None:
    fixture = fixtures["none"]
    found = judged(changed(fixture, tmp_path, page_size=be(2048, 8)), fixture)
    assert outcomes(found) == {"old": {"loads"}, "new": {"refuses"}}


def test_x_ignore_shared(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["ignore-shared"].path) as snapshot:
        found = verdicts(snapshot)
    assert {found[release].outcome for release in OLD[:-1]} == {"refuses"}
    assert found["10.0"].because == ("E-028",)
    assert found["10.0"].message == "Error reading ramblock pc.ram pages, region has bad alignment"
    assert found["11.0"].outcome == found["11.1.3"].outcome == "loads"


def test_length_of_2_gib_in_the_configuration(fixtures: Fixtures, tmp_path: Path) -> None:
    """A negative number up to 11.1.0."""
    fixture = fixtures["none"]
    found = judged(changed(fixture, tmp_path, len_name=be(1 << 31, 4)), fixture)
    assert outcomes(found) == {"old": {"crashes"}, "new": {"refuses"}}
    assert found["11.1.0"].outcome == "crashes"
    found = judged(changed(fixture, tmp_path, len_name=be((1 << 31) - 1, 4)), fixture)
    assert outcomes(found) == {"old": {"refuses"}, "new": {"refuses"}}


def test_what_was_not_measured_says_so(fixtures: Fixtures) -> None:
    found = verdicts(b"")
    assert {verdict.basis for verdict in found.values()} == {"measured"}
    with mappedram.open(fixtures["avr"].path) as snapshot:
        assert {verdict.basis for verdict in verdicts(snapshot).values()} == {"read"}


def test_each_release_has_its_own_words() -> None:
    found = verdicts(b"")
    old, new = "Not a migration stream", "Not a migration stream, magic: 0 != 5145564d"
    assert [found[name].message for name in ("9.0", "10.1", "10.2", "11.1.3")] == [
        old,
        old,
        new,
        new,
    ]


# Common behaviour of all releases.


def test_huge_bitmap_is_more_than_a_host_has(fixtures: Fixtures, tmp_path: Path) -> None:
    fixture = fixtures["none"]
    path = changed(fixture, tmp_path, used_length=be(1 << 60, 8))
    assert outcomes(judged(path, fixture)) == {"old": {"crashes"}, "new": {"crashes"}}
    with open_source(path) as source:
        assert verdicts(source)["10.0"].depends_on_destination
        roomy = Destination(memory=1 << 60)
        assert verdicts(source, destination=roomy)["10.0"].outcome == "refuses"


def test_area_that_leads_back_to_its_list(tmp_path: Path) -> None:
    """MEM_SIZE is at a page boundary, and the area of a block ends there."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", 1 << 20, [(0, 1)])], offset=4096 - 0x51).write(fd)
        with mappedram.open(fd, 4096 - 0x51) as snapshot:
            assert verdicts(snapshot)["10.0"].outcome == "loads"
            place, _ = field_place(snapshot, PATHS["pages_offset"])
            start, _ = field_place(snapshot, PATHS["total"])
        assert start == 4096
        path = tmp_path / "loop"
        path.write_bytes(open_source(fd).read(0, open_source(fd).size))
    patch(path, place, be((start - (1 << 20)) % (1 << 64), 8))
    patch(path, start + 8 + 1 + 3 + 8 + 28, bytes(32))  # no bit set: nothing is read from there
    with open_source(path) as source:
        found = verdicts(source, 4096 - 0x51)
    assert {entry.outcome for entry in found.values()} == {"hangs"}


@pytest.mark.parametrize(
    ("field", "value", "outcome", "message"),
    [
        ("magic", b"QEVX", "refuses", "Not a migration stream"),
        ("name", b"nonX", "refuses", "Machine type received is 'nonX' and local is 'none'"),
        ("name", b"non\0", "refuses", "Machine type received is 'non' and local is 'none'"),
        ("version", be(0, 4), "loads", None),
        ("bitmap_offset", be(1 << 63, 8), "refuses", "Error reading dirty bitmap"),
        ("pages_offset", be(0x100200, 8), "refuses", "Error reading ramblock ram pages, region"),
        ("total", be(4, 8), "refuses", "Unknown combination of migration flags: 0x0"),
        ("type_of_end", b"\2", "loads", None),
        ("type_of_start", b"\4", "loads", None),
        ("type_of_start", b"\0", "wrong-memory", None),
        ("type_of_device", b"\0", "loads", None),
        ("version_of_device", be(1, 4), "refuses", "Missing section footer for timer"),
        ("version_of_device", be(3, 4), "refuses", "savevm: unsupported version 3 for 'timer' v2"),
        ("instance_of_device", be(0xFFFFFFFF, 4), "loads", None),
        ("instance_of_device", be(1, 4), "refuses", "Unknown savevm section or instance 'timer' 1"),
    ],
)
def test_one_field(
    field: str,
    value: bytes,
    outcome: str,
    message: str | None,
    fixtures: Fixtures,
    tmp_path: Path,
) -> None:
    fixture = fixtures["none"]
    found = judged(changed(fixture, tmp_path, **{field: value}), fixture)["10.0"]
    assert found.outcome == outcome
    assert (found.message is None) == (message is None)
    assert (found.message or "").startswith(message or "")


def test_memory_against_a_reference(fixtures: Fixtures, tmp_path: Path) -> None:
    """Pages from elsewhere are right if their contents are: a bit over a hole is harmless."""
    fixture = fixtures["none"]
    path = copy_sparse(fixture.path, tmp_path / "changed")
    with mappedram.open(fixture.path) as good:
        offset = good.block["ram"].model.bitmap_offset or 0
        bitmap = bytearray(good.block["ram"].bitmap.data)
        destination = Destination(reference=good)

        def outcome(page: int) -> str:
            bit = bytearray(bitmap)
            bit[page // 8] ^= 1 << page % 8
            patch(path, offset, bytes(bit))
            with open_source(path) as source:
                return verdicts(source, destination=destination)["10.0"].outcome

        empty = next(n for n in range(4096) if not good.block["ram"].bitmap[n])
        full = next(n for n in range(4096) if good.block["ram"].bitmap[n])
        assert (outcome(empty), outcome(full)) == ("loads", "wrong-memory")


# Comparison with the rules.


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reasons_are_rules_that_the_file_breaks(
    case: Case, fixtures: Fixtures, tmp_path: Path
) -> None:
    draft = Draft(fixtures[case.fixture], tmp_path)
    case.change(draft)
    report = check(draft.path, draft.base)
    codes = {finding.code for finding in report.findings} | set(ERRATA)
    absent = {r for r, verdict in report.qemu.items() if verdict.because == ("MR060",)}
    if absent:
        with draft.snapshot() as snapshot:
            assert absent == RELEASES.keys() - releases_of(snapshot.stream.machine or "")
    for release in report.qemu.keys() - absent:
        verdict = report.qemu[release]
        assert (verdict.outcome == "loads") == (not verdict.because), release
        assert set(verdict.because) <= codes, release


def test_every_ending_names_a_rule() -> None:
    assert {ending.code for ending in ENDINGS.values()} <= {*RULES, *ERRATA}


# Hostile bytes.


@given(st.binary(max_size=400), st.sampled_from((b"", b"QEVM\0\0\0\3", b"QEVM\0\0\0\3\7\0\0\0\0")))
def test_any_bytes_have_verdicts(data: bytes, head: bytes) -> None:
    assert set(verdicts(head + data)) == set(RELEASES)


@given(st.integers(0, 1 << 32), st.integers(1, 4))
def test_any_mutation_has_verdicts(seed: int, count: int) -> None:
    with memory_file() as fd:
        blocks = [OracleBlock("a", 1 << 20, [(0, 3)]), OracleBlock("b", 1 << 16, [(2, 9)])]
        OracleFile(blocks, align=4096).write(fd)
        with mappedram.open(fd) as snapshot:
            changes = Mutator(snapshot).draw(Random(seed), count)
        assert len({change.path for change in changes}) == count
        apply(fd, changes)
        with open_source(fd) as source:
            assert set(verdicts(source)) == set(RELEASES)


# Comparisons and messages of QEMU, measured with 10.0.2 and 11.1.3.


@pytest.mark.parametrize(
    ("machine", "takes"),
    [("none", True), ("non", True), ("n", True), ("", True), ("nonX", False), ("none-1", False)],
)
def test_the_beginning_of_a_machine_type_is_taken(machine: str, takes: bool) -> None:
    """QEMU compares as many bytes as the file has; the destination is `none`."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", 1 << 20)], machine=machine).write(fd)
        with mappedram.open(fd) as snapshot:
            destination = replace(Destination.of(snapshot), machine="none")
            found = verdicts(snapshot, destination=destination)
    assert {one.outcome for one in found.values()} == {"loads" if takes else "refuses"}
    words = f"Machine type received is '{machine}' and local is 'none'"
    assert {one.message for one in found.values()} == {None if takes else words}


#: Number of the section in which the fixture `none` is truncated, after how many bytes (-1: behind
#: it), and the messages of 10.0 and 11.1.
CUTS = {
    "type": (3, -1, None, "Failed to load section ID: stream error: -5"),
    "part": (
        1,
        3,
        "qemu_loadvm_section_part_end: Failed to read section ID: -5",
        "Failed to read section ID: -5",
    ),
    "command": (
        2,
        2,
        None,
        "Failed to load VM process command: stream error: -5",
    ),
    "start": (
        4,
        13,
        "qemu_loadvm_section_start_full: Failed to read instance/version ID: -5",
        "Failed to read instance/version ID: -5",
    ),
}


@pytest.mark.parametrize("name", CUTS)
def test_words_where_a_file_ends(name: str, fixtures: Fixtures, tmp_path: Path) -> None:
    index, length, old, new = CUTS[name]
    fixture = fixtures["none"]
    with known(fixture) as destination, mappedram.open(fixture.path) as snapshot:
        section = snapshot.stream.sections[index]
    end = section.end if length < 0 else section.offset + length
    cut = copy_sparse(fixture.path, tmp_path / "cut")
    os.truncate(cut, end)
    with open_source(cut) as source:
        found = verdicts(source, 0, destination)
    assert {one.because for one in found.values()} <= {("MR002",), ("E-060",)}
    assert found["10.0"].message == old
    assert (found["11.1.3"].message or "").startswith(new)


def test_words_about_a_uuid(fixtures: Fixtures) -> None:
    with known(fixtures["uuid"]) as destination, mappedram.open(fixtures["uuid"].path) as snapshot:
        assert snapshot.stream.configuration is not None
        own = snapshot.stream.configuration.uuid
        assert own is not None
        other = replace(destination, uuid=bytes(16))
        found = verdicts(snapshot, destination=other)
        unset = verdicts(snapshot, destination=replace(destination, uuid=None))
    assert {one.message for one in found.values()} == {
        f"UUID received is {UUID(bytes=own)} and local is 00000000-0000-0000-0000-000000000000"
    }
    assert {one.because for one in found.values()} == {("MR063",)}
    assert unset["10.0"].outcome == "loads"


@pytest.mark.parametrize(("name", "certain"), [("pc", True), ("aarch64-virt", False)])
def test_what_arm_saves_of_a_cpu_is_never_certain_to_load(
    fixtures: Fixtures, name: str, certain: bool
) -> None:
    """11.1.3 refused the state that 10.0.2 saved of each of eight models of CPU."""
    loads = [v for v in check(fixtures[name].path).qemu.values() if v.outcome == "loads"]
    assert loads
    assert {verdict.certain for verdict in loads} == {certain}


@pytest.mark.parametrize(
    ("name", "idstr", "field", "value", "old", "new"),
    [
        # Devices with a port as their alias, and one without.
        ("pc", "fdc", "instance_id", 0xFFFFFFFF, "refuses", "refuses"),
        ("pc", "fdc", "instance_id", 0x3F0, "loads", "loads"),
        ("pc", "pckbd", "instance_id", 0xFFFFFFFF, "loads", "loads"),
        # A device that no longer has a port.
        ("pc", "mc146818rtc", "instance_id", 0xFFFFFFFF, "refuses", "loads"),
        ("pc", "mc146818rtc", "instance_id", 0x70, "loads", "refuses"),
        ("q35", "0000:00:1f.2/ich9_ahci", "version_id", 0, "loads", "loads"),
        ("q35", "0000:00:1f.0/ICH9LPC", "version_id", 0, "refuses", "refuses"),
    ],
)
def test_numbers_of_a_device_that_campaigns_have_shown(
    fixtures: Fixtures,
    tmp_path: Path,
    name: str,
    idstr: str,
    field: str,
    value: int,
    old: str,
    new: str,
) -> None:
    """Measured with 10.0.2 and 11.1.3; that a port finds a device was read in the source."""
    copy = copy_sparse(fixtures[name].path, tmp_path / "copy")
    with mappedram.open(copy) as snapshot:
        section = next(s for s in snapshot.sections if s.idstr == idstr)
        offset, _ = field_place(snapshot, f"{section.path}/header/{field}")
        destination = Destination.of(snapshot)
    patch(copy, offset, be(value, 4))
    with mappedram.open(copy) as snapshot:
        found = verdicts(snapshot, destination=destination)
    assert {found[release].outcome for release in ("10.0", "11.1.3")} == {old, new}
    assert found["10.0"].outcome == old
