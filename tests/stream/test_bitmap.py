"""Bitmap bytes <-> page runs, compared with clause 7.2.1 one bit at a time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram.format.arithmetic import bitmap_size
from mappedram.stream.bitmap import Bitmap, ByteOrder, guess_byteorder

ORDERS: st.SearchStrategy[ByteOrder] = st.sampled_from(["little", "big"])
WORDS = st.sampled_from([4, 8])


def bit(data: bytes | bytearray, page: int, word_size: int, byteorder: ByteOrder) -> bool:
    """Bit p % bits of word p / bits, as in clause 7.2.1."""
    start = page // (8 * word_size) * word_size
    word = int.from_bytes(data[start : start + word_size], byteorder)
    return bool(word >> page % (8 * word_size) & 1)


@st.composite
def bitmaps(draw: st.DrawFn) -> Bitmap:
    num_pages = draw(st.integers(0, 1500))
    word_size = draw(WORDS)
    size = bitmap_size(num_pages, word_size)
    return Bitmap(
        draw(
            st.one_of(
                st.binary(min_size=size, max_size=size),
                st.sampled_from([b"\0", b"\xff", b"\x0f", b"\x80\0\0\0\0\0\0\x01"]).map(
                    lambda unit: (unit * (size // len(unit) + 1))[:size]
                ),
            )
        ),
        num_pages,
        word_size,
        draw(ORDERS),
    )


@given(bitmaps())
def test_every_bit(bitmap: Bitmap) -> None:
    bits = [
        bit(bitmap.data, page, bitmap.word_size, bitmap.byteorder)
        for page in range(len(bitmap.data) * 8)
    ]
    here, beyond = bits[: bitmap.num_pages], bits[bitmap.num_pages :]
    assert [bitmap[page] for page in range(len(bitmap))] == here
    assert bitmap.count() == sum(here)
    assert bitmap.count_beyond() == sum(beyond)
    assert bitmap.any() == any(bits)
    pages = {page for start, stop in bitmap.runs().tolist() for page in range(start, stop)}
    assert pages == {page for page, is_set in enumerate(here) if is_set}


@given(bitmaps(), st.data())
def test_runs_of_a_part(bitmap: Bitmap, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, bitmap.num_pages))
    stop = data.draw(st.integers(start, bitmap.num_pages))
    runs = bitmap.runs(start, stop).tolist()
    assert [p for a, b in runs for p in range(a, b)] == [
        page for page in range(start, stop) if bitmap[page]
    ]
    # Maximal runs: ascending, none empty, none touching the next.
    assert all(a < b for a, b in runs)
    assert all(here[1] < there[0] for here, there in pairwise(runs))


@given(bitmaps())
def test_runs_make_the_bitmap_again(bitmap: Bitmap) -> None:
    again = Bitmap.from_runs(bitmap.runs(), bitmap.num_pages, bitmap.word_size, bitmap.byteorder)
    assert again.runs().tolist() == bitmap.runs().tolist()
    assert again.count_beyond() == 0
    if bitmap.count_beyond() == 0:
        assert again.data == bitmap.data


def test_runs_over_the_edge_of_a_chunk() -> None:
    """Runs are found in steps of 1 Mi pages; a run across a step remains one."""
    edge = 1 << 20
    runs = [[0, 1], [edge - 3, edge + 5], [2 * edge - 1, 2 * edge]]
    bitmap = Bitmap.from_runs([(a, b) for a, b in runs], 2 * edge)
    assert bitmap.runs().tolist() == runs
    assert len(list(bitmap.iter_runs())) == 2


def test_wrong_size_and_wrong_pages_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 8 bytes"):
        Bitmap(b"", 1)
    with pytest.raises(ValueError, match="within 0 to 4"):
        Bitmap.from_runs([(3, 5)], 4)
    with pytest.raises(IndexError):
        Bitmap(bytes(8), 4)[4]


def test_byte_order_shows_in_small_blocks() -> None:
    assert guess_byteorder([(b"\x01" + bytes(7), 1)]) == ("little", True)
    assert guess_byteorder([(bytes(7) + b"\x01", 1)]) == ("big", True)
    assert guess_byteorder([(bytes(8), 1), (b"\xff" * 8, 64)]) == ("little", False)
    # A bitmap that breaks both rules gives no evidence.
    assert guess_byteorder([(b"\x01" + bytes(6) + b"\x01", 1)]) == ("little", False)
