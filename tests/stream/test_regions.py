"""Every byte belongs to exactly one region."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.stream.model import Area
from mappedram.stream.regions import Region, regions
from tests.conftest import Fixtures, manifest


def assert_partition(found: list[Region], size: int) -> None:
    position = 0
    for region in found:
        assert region.offset == position
        assert region.length > 0
        assert region.name
        position = region.end
    assert position == size


@pytest.mark.parametrize("name", manifest())
def test_real_files_are_covered(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        found = snapshot.regions()
        assert_partition(found, fixture.path.stat().st_size)
        # In a file of QEMU nothing overlaps, so each structure is whole. The only gaps are bytes
        # before the stream and bytes that cannot be followed.
        assert {r.element.path for r in found if r.element} == {
            element.path for element in snapshot.stream.elements
        }
        gaps = {region.name for region in found if region.kind == "gap"}
        allowed = {
            "offset-unaligned": {"before the stream"},
            "no-footers-no-vmdesc": {"not followed"},
        }
        assert gaps == allowed.get(name, set())


@given(st.data())
def test_overlapping_claims_are_shared_out(fixtures: Fixtures, data: st.DataObject) -> None:
    """Wherever the headers point, the regions are a partition and the stream keeps its bytes."""
    with mappedram.open(fixtures["none"].path) as snapshot:
        stream = snapshot.stream
    size = stream.file_size
    offsets = st.integers(0, size) | st.integers(0, 1 << 64)
    areas = tuple(
        Area(f"{block.path}/{kind}", data.draw(offsets), data.draw(st.integers(1, size * 2)))
        for block in stream.blocks
        for kind in ("bitmap", "padding", "pages")
    )
    found = regions(replace(stream, areas=areas))
    assert_partition(found, size)
    owned = [region for region in found if region.kind == "element"]
    assert sum(region.length for region in owned) == sum(e.length for e in stream.elements)


def test_trailing_bytes_are_named(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["none"].path) as snapshot:
        stream = replace(snapshot.stream, file_size=snapshot.stream.file_size + 10)
        last = regions(stream)[-1]
        assert (last.name, last.length) == ("after the stream", 10)


@pytest.mark.parametrize(
    ("first", "second"), [("bitmap", "pages"), ("bitmap", "padding"), ("pages", "padding")]
)
@pytest.mark.parametrize("ahead", [0, 0x1000])
def test_who_keeps_what_two_areas_claim(
    fixtures: Fixtures, first: str, second: str, ahead: int
) -> None:
    """Bitmaps win over pages, and pages over padding, wherever each begins."""
    with mappedram.open(fixtures["none"].path) as snapshot:
        stream = snapshot.stream
    path, start = stream.blocks[0].path, 0x200000
    areas = (
        Area(f"{path}/{second}", start - ahead, 0x3000),
        Area(f"{path}/{first}", start, 0x1000),
    )
    found = regions(replace(stream, areas=areas))
    kept = {(region.offset, region.end): region.kind for region in found}
    assert kept[start, start + 0x1000] == first
    assert kept[start + 0x1000, start - ahead + 0x3000] == second
