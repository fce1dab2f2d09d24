"""A reader written from spec/format.md alone finds in real files what the package finds."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import mappedram
from mappedram.layout.constants import SectionType
from tests import independent_reader
from tests.conftest import Fixture, Fixtures, manifest
from tests.independent_reader import RefusedError, Section

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
#: QEMU calls the migration completed, but the file has no END of RAM (clause 7.4.8).
NOT_FINAL = {"background-snapshot"}


@contextmanager
def both(fixture: Fixture) -> Iterator[tuple[independent_reader.Snapshot, mappedram.Snapshot]]:
    """A fixture as the independent reader has it, and as the package has it."""
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


def section_values(section: Section | mappedram.model.Section) -> tuple[object, ...]:
    """What both readers say of a section; the header of PART and END has no version."""
    version_id = None if section.type in LIVE else section.version_id
    names = section.section_id, section.idstr, section.instance_id
    return (int(section.type), *names, version_id, section.offset)


@pytest.mark.parametrize("name", COMPLETED)
def test_same_sections(fixtures: Fixtures, name: str) -> None:
    """The package lists commands, EOF and description among the sections; they are left out."""
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
    """All of the memory, and a range that begins and ends inside of pages."""
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
