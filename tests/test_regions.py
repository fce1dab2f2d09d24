"""Every byte belongs to exactly one region."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.model import MappedRamHeader
from mappedram.regions import Region, regions
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
        # In a file by QEMU nothing overlaps, so that each structure is whole, and nothing is a gap
        # but what stands before the stream or cannot be followed.
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
    blocks = tuple(
        replace(
            block,
            used_length=data.draw(st.integers(0, size * 2)),
            mapped_ram=MappedRamHeader(1, 4096, data.draw(offsets), data.draw(offsets)),
        )
        for block in (stream.blocks[0],) * data.draw(st.integers(1, 3))
    )
    found = regions(replace(stream, blocks=blocks))
    assert_partition(found, size)
    owned = [region for region in found if region.kind == "element"]
    assert sum(region.length for region in owned) == sum(e.length for e in stream.elements)


def test_trailing_bytes_are_named(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["none"].path) as snapshot:
        stream = replace(snapshot.stream, file_size=snapshot.stream.file_size + 10)
        last = regions(stream)[-1]
        assert (last.name, last.length) == ("after the stream", 10)
