"""Any bytes give a plan or a refusal, in bounded time, and no edit is ever within a page."""

from hypothesis import given
from hypothesis import strategies as st

from mappedram.check.repairs.edits import Edit, EditedSource
from mappedram.errors import MappedRamError
from mappedram.io.opening import open_source
from mappedram.repair import plan
from mappedram.stream.snapshot import OpenSnapshot, open_snapshot
from tests.conftest import Fixtures

NAMES = ["none", "killed", "background-snapshot", "live", "plain", "no-footers-no-vmdesc"]


def places(snapshot: OpenSnapshot) -> list[tuple[int, int]]:
    """Offsets of the headers and bitmaps of a file."""
    found = [(element.offset, element.length) for element in snapshot.stream.elements]
    found += [
        (block.bitmap_offset, block.bitmap_size)
        for block in snapshot.stream.blocks
        if block.bitmap_offset is not None
    ]
    return found


@given(data=st.data())
def test_damaged_anywhere(fixtures: Fixtures, data: st.DataObject) -> None:

    fixture = fixtures[data.draw(st.sampled_from(NAMES))]
    with open_snapshot(fixture.path, partial=True) as snapshot, open_source(fixture.path) as source:
        known = places(snapshot)
        damages = []
        for _ in range(data.draw(st.integers(1, 3))):
            offset, length = data.draw(st.sampled_from(known))
            place = offset + data.draw(st.integers(0, length))
            value = data.draw(st.binary(min_size=1, max_size=8))
            damages.append(Edit(place, value, is_end=data.draw(st.integers(0, 5)) == 0))
        damaged = EditedSource(source, damages)
        try:
            todo = plan(damaged)
        except MappedRamError:
            return
        again = plan(todo.source)
        assert {change.name for change in again.made} <= {"footer"}
        if damages_headers_only(damages, snapshot):
            areas = [
                (b.pages_offset, b.used_length)
                for b in snapshot.stream.blocks
                if b.pages_offset is not None
            ]
            for edit in todo.source.edits:
                assert not any(
                    edit.data and edit.offset < start + length and start < edit.end
                    for start, length in areas
                )


def damages_headers_only(damages: list[Edit], snapshot: OpenSnapshot) -> bool:
    """Whether the page areas are unchanged, so that their offsets are known."""
    headers = [e for e in snapshot.stream.elements if e.kind == "ramblock_header"]
    return not any(
        damage.is_end or any(damage.offset < e.end and e.offset < damage.end for e in headers)
        for damage in damages
    )
