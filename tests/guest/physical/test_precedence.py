"""Overlaid ranges, compared with one entry for each address."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mappedram.guest.physical.precedence import Canvas
from mappedram.guest.physical.ranges import Range

RANGES = st.builds(
    Range,
    gpa=st.integers(0, 40),
    size=st.integers(0, 12),
    idstr=st.sampled_from("ab"),
    offset=st.integers(0, 3),
    is_ram=st.booleans(),
    basis=st.just(""),
    certain=st.booleans(),
)


def cells(ranges: list[Range]) -> dict[int, tuple[str, int, bool, bool]]:
    return {
        one.gpa + index: (one.idstr, one.offset + index, one.is_ram, one.certain)
        for one in ranges
        for index in range(one.size)
    }


@given(st.lists(st.tuples(st.booleans(), RANGES), max_size=8))
def test_what_comes_last_is_seen(steps: list[tuple[bool, Range]]) -> None:
    canvas, expected = Canvas(), dict[int, tuple[str, int, bool, bool]]()
    for laid, one in steps:
        covered = {at: cell for at, cell in expected.items() if one.gpa <= at < one.end}
        assert cells(canvas.under(one.gpa, one.end)) == covered
        if laid:
            assert cells(canvas.lay(one)) == covered
            expected |= cells([one])
        else:
            canvas.clear(one.gpa, one.end)
            expected = {at: cell for at, cell in expected.items() if at not in covered}
    found = list(canvas)
    assert cells(found) == expected
    assert all(one.size > 0 for one in found)
    # Ascending, without overlaps, and contiguous parts are joined.
    for one, other in pairwise(found):
        assert one.end <= other.gpa
        goes_on = (one.end, one.idstr, one.offset + one.size, one.is_ram, one.certain)
        assert goes_on != (other.gpa, other.idstr, other.offset, other.is_ram, other.certain)
