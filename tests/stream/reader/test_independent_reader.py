"""A reader written from spec/format.md alone agrees with the package on real files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

import mappedram
from mappedram.format.constants import SectionType
from mappedram.fuzz.defects import CATALOGUE, Breakage
from tests.conformance.vectors import ALL
from tests.conftest import Fixture, Fixtures, manifest
from tests.stream.reader import independent_reader
from tests.stream.reader.independent_reader import RefusedError, Section

STEP = 1 << 24
LIVE = (SectionType.PART, SectionType.END)
STATE = (SectionType.START, SectionType.FULL, *LIVE)
COMPLETED = [
    name
    for name, entry in manifest().items()
    if entry["completed"] == "completed" and "mapped-ram" in entry["capabilities"]
]
#: Neither footers nor description: no reader gets past the first device (clause 4.6.11).
STOPS = {"no-footers-no-vmdesc": 0x160103A}
#: QEMU reports the migration as completed, but the file has no END of RAM (clause 7.4.8).
NOT_FINAL = {"background-snapshot"}
#: Files that the specification lets readers treat differently, by the rule that they break.
CHOICES = {
    "MR012": "a reader need not know the records of a stream without mapped-ram (clause 9.6.2)",
    "MR017": "likewise",
    "MR018": "likewise",
    "MR019": "a reader need not call complete what holds no memory (clause 9.6.13)",
    "MR026": "a reader may refuse another version of RAM, or go on (clause 5.1.4)",
}
DEFECTS = [way for code, ways in CATALOGUE.items() if code not in CHOICES for way in ways]


@contextmanager
def both(fixture: Fixture) -> Iterator[tuple[independent_reader.Snapshot, mappedram.Snapshot]]:
    """A fixture, read by the independent reader and by the package."""
    with (
        mappedram.open(fixture.path, fixture.offset) as theirs,
        fixture.path.open("rb") as file,
    ):
        if fixture.name not in STOPS:
            yield independent_reader.read(file, fixture.offset), theirs
            return
        with pytest.raises(RefusedError, match=f"{STOPS[fixture.name]:#x}") as refused:
            independent_reader.read(file, fixture.offset)
        yield refused.value.snapshot, theirs


def section_values(section: Section | mappedram.stream.model.Section) -> tuple[object, ...]:
    """Comparable values of a section; the header of PART and END has no version.

    If no START has given the name, the package has None.
    """
    version_id = None if section.type in LIVE else section.version_id
    names = section.section_id, section.idstr or "", section.instance_id or 0
    return (int(section.type), *names, version_id, section.offset)


@pytest.mark.parametrize("name", COMPLETED)
def test_same_sections(fixtures: Fixtures, name: str) -> None:
    """The package includes commands, EOF and description in its sections; they are left out."""
    with both(fixtures[name]) as (ours, theirs):
        expected = [section_values(item) for item in theirs.sections if item.type in STATE]
        assert [section_values(item) for item in ours.sections] == expected
        assert ours.complete == theirs.complete == (name not in {*STOPS, *NOT_FINAL})


@pytest.mark.parametrize("name", COMPLETED)
def test_same_blocks(fixtures: Fixtures, name: str) -> None:
    with both(fixtures[name]) as (ours, theirs):
        expected = []
        for block in theirs.blocks:
            places = block.model.bitmap_offset or 0, block.model.pages_offset or 0
            expected.append((block.idstr, block.used_length, block.page_size, *places))
        assert [tuple(vars(block).values()) for block in ours.blocks] == expected


@pytest.mark.parametrize("name", [name for name in COMPLETED if name not in NOT_FINAL])
def test_same_memory(fixtures: Fixtures, name: str) -> None:
    """All of the memory, and a range that begins and ends within pages."""
    with both(fixtures[name]) as (ours, theirs):
        for block in ours.blocks:
            starts = range(0, block.used_length, STEP)
            ranges = [(first, min(STEP, block.used_length - first)) for first in starts]
            for first, length in [*ranges, (1, ranges[0][1] - 2)]:
                found = ours.memory(block.idstr, first, length)
                assert found == theirs.block[block.idstr].read(first, length), hex(first)


@pytest.mark.parametrize("name", sorted(NOT_FINAL))
def test_no_memory_from_bitmaps_that_are_not_final(fixtures: Fixtures, name: str) -> None:
    with both(fixtures[name]) as (ours, _):
        assert not ours.bitmaps_final
        for block in ours.blocks:
            with pytest.raises(ValueError, match="not final"):
                ours.memory(block.idstr, 0, block.used_length)


@pytest.mark.parametrize("name", sorted(NOT_FINAL))
def test_package_gives_no_zeros_from_them_either(fixtures: Fixtures, name: str) -> None:
    with both(fixtures[name]) as (_, theirs):
        for block in theirs.blocks:
            with pytest.raises((ValueError, mappedram.MappedRamError)):
                block.read(0, block.used_length)


def agree(fd: int, offset: int) -> None:
    """Both readers get equally far in a file, with the same sections and blocks up to there."""
    refusal: str | None = None
    with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
        try:
            ours = independent_reader.read(file, offset)
        except RefusedError as refused:
            ours, refusal = refused.snapshot, str(refused)
        try:
            theirs = mappedram.open(fd, offset, partial=True)
        except mappedram.MappedRamError:
            assert refusal is not None
            assert not ours.sections
            return
        with theirs:
            stopped = theirs.stream.stopped
            problem = refusal or ours.cut
            assert (stopped is None) == (problem is None)
            assert ours.complete == theirs.complete
            if stopped is not None and problem is not None:
                place = int(problem.split()[1].rstrip(":"), 16)
                # Past the end, the package names the field with the wrong number.
                assert place == stopped.offset or place > theirs.stream.file_size
            expected = [section_values(item) for item in theirs.sections if item.type in STATE]
            assert [section_values(item) for item in ours.sections] == expected
            blocks = [
                (b.idstr, b.used_length, b.page_size, b.bitmap_offset or 0, b.pages_offset or 0)
                for b in theirs.stream.blocks
            ]
            # A refused block is in the list of only one reader.
            last = None if refusal is None else len(ours.blocks)
            assert [tuple(vars(block).values()) for block in ours.blocks] == blocks[:last]


@pytest.mark.parametrize("way", DEFECTS, ids=lambda way: f"{way.code}-{way.name}")
def test_same_of_every_defect(way: Breakage) -> None:
    for seed in range(3):
        file = way.file(Random(seed))
        with file.opened() as fd:
            agree(fd, file.offset)


#: Defects that the independent reader does not follow, or reports at another place.
BEYOND = {
    **dict.fromkeys(
        ("plain", "plain_without_configuration", "plain_pages_in_start"), "page records"
    ),
    "live_devices": "it knows no records of live devices, and takes their footers at their word",
    "host_page_size": "it knows nothing of postcopy-ram",
    "part_before_ram": "it refuses what no START has begun where it has seen no footer",
    "no_footer_yet": "it looks for a footer no further than to the first that could be one",
    "last_footer": "it names the payload whose end it looks for, not the section behind it",
    "packaged_too_much": "it names the place behind the command, not the number that leads there",
}


@pytest.mark.parametrize(
    "name", [name for name in ALL if name not in BEYOND and not name.endswith("/version_id")]
)
def test_same_of_every_vector(name: str) -> None:
    """Except for the version of RAM: see `CHOICES`."""
    with ALL[name].file() as fd:
        agree(fd, ALL[name].offset)


def test_same_of_a_save_that_was_killed(fixtures: Fixtures) -> None:
    with fixtures["killed"].path.open("rb") as file:
        agree(file.fileno(), 0)


@pytest.mark.parametrize("name", sorted(BEYOND))
def test_what_it_does_not_follow_is_no_more_than_that(name: str) -> None:
    with ALL[name].file() as fd, pytest.raises(AssertionError):
        agree(fd, ALL[name].offset)
