"""Changes to a sparse file as a value equal the same changes to its bytes."""

import hashlib
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from mappedram.fuzz.sparse import SparseFile
from tests.files import extents

SIZE = 60


@st.composite
def files(draw: st.DrawFn) -> SparseFile:
    """Files of a few pieces."""
    file = SparseFile(draw(st.integers(0, SIZE)))
    for _ in range(draw(st.integers(0, 3))):
        file = file.write(draw(st.integers(0, SIZE)), draw(st.binary(min_size=1, max_size=9)))
    return file


def padded(data: bytes, size: int) -> bytes:
    return data.ljust(size, b"\0")


#: The same change to a value and to bytes.
CHANGES: dict[str, tuple[Callable[..., SparseFile], Callable[..., bytes]]] = {
    "write": (
        lambda file, at, data: file.write(at, data),
        lambda whole, at, data: padded(whole, at)[:at] + data + whole[at + len(data) :],
    ),
    "insert": (
        lambda file, at, data: file.insert(at, data),
        lambda whole, at, data: padded(whole, at)[:at] + data + whole[at:],
    ),
    "insert_hole": (
        lambda file, at, data: file.insert_hole(at, len(data)),
        lambda whole, at, data: padded(whole, at)[:at] + bytes(len(data)) + whole[at:],
    ),
    "remove": (
        lambda file, at, data: file.remove(at, len(data)),
        lambda whole, at, data: whole[:at] + whole[at + len(data) :],
    ),
    "resize": (
        lambda file, at, _: file.resize(at),
        lambda whole, at, _: padded(whole[:at], at),
    ),
    "punch": (
        lambda file, at, data: file.punch(at, len(data)),
        lambda whole, at, data: whole[:at] + bytes(len(data)) + whole[at + len(data) :],
    ),
}


@given(files(), st.sampled_from(sorted(CHANGES)), st.data())
def test_changes(file: SparseFile, name: str, data: st.DataObject) -> None:
    of_value, of_bytes = CHANGES[name]
    new = data.draw(st.binary(min_size=1, max_size=9))
    inside = name not in ("write", "resize")
    last = max(0, file.size - len(new)) if inside else SIZE
    at = data.draw(st.integers(0, last))
    if name in ("remove", "punch"):
        new = new[: file.size - at]
    changed = of_value(file, at, new)
    assert bytes(changed) == of_bytes(bytes(file), at, new)
    assert changed.stored <= changed.size


@given(files(), st.integers(0, SIZE), st.binary(min_size=1, max_size=4), st.integers(0, SIZE))
def test_insert_until(file: SparseFile, at: int, data: bytes, gap: int) -> None:
    """The bytes behind keep their place."""
    until = at + len(data) + gap
    if until > file.size:
        return
    whole = bytes(file)
    expected = whole[:at] + data + whole[at : until - len(data)] + whole[until:]
    assert bytes(file.insert(at, data, until)) == expected


@given(files())
def test_digest_and_equality(file: SparseFile) -> None:
    assert file.sha256() == hashlib.sha256(bytes(file)).hexdigest()
    with file.opened() as fd:
        again = SparseFile.of_fd(fd)
    assert bytes(again) == bytes(file)


def test_holes_stay_holes() -> None:
    file = SparseFile(1 << 40).write(1 << 30, b"x" * 4096).write(1 << 39, b"y" * 4096)
    with file.opened() as fd:
        assert extents(fd) == [(1 << 30, (1 << 30) + 4096), (1 << 39, (1 << 39) + 4096)]
        assert SparseFile.of_fd(fd) == file


def test_pieces_that_touch_are_one() -> None:
    file = SparseFile(0).write(0, b"ab").write(2, b"cd")
    assert file.pieces == ((0, b"abcd"),)
    assert file == SparseFile(4, ((0, b"abcd"),), origin="elsewhere")
