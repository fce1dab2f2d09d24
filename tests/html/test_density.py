"""Counting pages by cell, compared with counting single bits."""

from hypothesis import given
from hypothesis import strategies as st

from mappedram.html.density import density
from mappedram.stream.bitmap import Bitmap


@given(st.data(), st.integers(1, 5000), st.integers(1, 80))
def test_counts(data: st.DataObject, num_pages: int, cells_max: int) -> None:
    present = data.draw(st.sets(st.integers(0, num_pages - 1), max_size=400))
    beyond = num_pages % 64 and 1 << 63  # a bit without a page
    words = [0] * -(-num_pages // 64)
    for page in present:
        words[page // 64] |= 1 << page % 64
    words[-1] |= beyond
    raw = b"".join(word.to_bytes(8, "big") for word in words)
    cells = density(Bitmap(raw, num_pages, byteorder="big"), cells_max)

    assert len(cells.counts) <= cells_max
    assert len(cells.counts) * cells.pages_per_cell >= num_pages
    for cell, count in enumerate(cells.counts):
        first = cell * cells.pages_per_cell
        inside = [page for page in present if first <= page < first + cells.pages_per_cell]
        assert count == len(inside)
        level = cells.level(cell, 6)
        assert (level == 0) == (count == 0)
        assert (level == 6) == (count == cells.capacity(cell) > 0)
