"""Matching items of two files."""

import pytest

from mappedram.diff.pairs import paired
from mappedram.diff.payload import said
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from mappedram.stream.model import Section
from tests.files import memory_file


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", []),
        ("ab", "ba", ["aa", "bb"]),
        ("ab", "bc", ["a-", "bb", "-c"]),
        ("", "ba", ["-b", "-a"]),
        ("aa", "a", ["aa", "a-"]),
        ("a", "aba", ["aa", "-b", "-a"]),
    ],
)
def test_pairs(a: str, b: str, expected: list[str]) -> None:
    pairs = paired(a, b, lambda letter: letter)
    assert [f"{one or '-'}{other or '-'}" for one, other in pairs] == expected


def test_of_one_name_the_first_goes_with_the_first() -> None:
    pairs = paired([("x", 1), ("x", 2)], [("x", 3), ("x", 4)], lambda item: item[0])
    assert list(pairs) == [(("x", 1), ("x", 3)), (("x", 2), ("x", 4))]


def test_what_is_said_again_is_said_once() -> None:
    def part(offset: int, kind: SectionType = SectionType.PART) -> Section:
        return Section("", kind, offset, 0, 1)

    with memory_file(b"aab") as fd, open_source(fd) as source:
        assert len(said(source, [part(0), part(1), part(1)])) == 1
        assert len(said(source, [part(0), part(2), part(0)])) == 3
        assert len(said(source, [part(0), part(0, SectionType.END)])) == 2
