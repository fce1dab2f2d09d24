"""Search within a buffer, compared with `bytes.find`."""

from hypothesis import given
from hypothesis import strategies as st

from mappedram.guest.physical.pattern import PatternFinder

#: Few different bytes, for many candidates, and stretches with other bytes.
PARTS = st.lists(
    st.tuples(st.binary(min_size=1, max_size=4), st.integers(1, 600)), min_size=1, max_size=6
)


def plain(pattern: bytes, data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(pattern, at)]


@given(st.lists(PARTS, min_size=1, max_size=3), st.data())
def test_like_a_plain_search(buffers: list[list[tuple[bytes, int]]], data: st.DataObject) -> None:
    texts = [b"".join(part * count for part, count in parts) for parts in buffers]
    text = data.draw(st.sampled_from(texts))
    first = data.draw(st.integers(0, len(text) - 1))
    pattern = text[first : first + data.draw(st.integers(1, 40))]
    buffer = bytearray(max(map(len, texts)))
    finder = PatternFinder(pattern, buffer)
    for text in texts:  # in turn, like windows of memory
        buffer[: len(text)] = text
        assert finder.find(len(text)) == plain(pattern, text)


def test_nothing_behind_the_end() -> None:
    buffer = bytearray(b"needle needle")
    finder = PatternFinder(b"needle", buffer)
    assert finder.find(13) == [0, 7]
    assert finder.find(12) == [0]
    assert finder.find(5) == []
