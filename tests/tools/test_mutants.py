"""The changes that `tools.mutants` tries."""

import ast

import pytest

from tools.mutants.__main__ import ROOT, TARGETS, TESTS
from tools.mutants.change import changes

SOURCE = """\
from construct import Int8ub

LIMIT = 4
Head = record("head", first=Valid(Int8ub, AtMost(LIMIT)), second=Int8ub)


def takes(value: int, names: set[str]) -> bool:
    return 0 < value <= LIMIT and not "ä" in names
"""


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("4 -> 5", "LIMIT = 5"),
        ("AtMost -> AtLeast", "first=Valid(Int8ub, AtLeast(LIMIT)), second=Int8ub)"),
        ("two members change places", "second=Int8ub, first=Valid(Int8ub, AtMost(LIMIT)))"),
        ("<= -> <", "return 0 < value < LIMIT and not"),
        ("< -> <=", "return 0 <= value <= LIMIT and not"),
        ("and -> or", 'value <= LIMIT or not "ä" in names'),
        ("not left out", 'LIMIT and ("ä" in names)'),
        ("in -> not in", 'not "ä" not in names'),
    ],
)
def test_a_change_is_made_in_its_place_only(what: str, line: str) -> None:
    (change,) = (change for change in changes(SOURCE) if change.what == what)
    changed = change.applied(SOURCE)
    assert line in changed
    assert len(changed) - len(SOURCE) == len(change.text) - (change.end - change.start)
    before, after = SOURCE.splitlines(), changed.splitlines()
    differing = {
        at for at, pair in enumerate(zip(before, after, strict=True), 1) if len({*pair}) > 1
    }
    assert differing == {change.line}


def test_numbers_that_are_no_numbers_stay() -> None:
    assert not list(changes('"""4"""\nNAME = "4"\n'))


@pytest.mark.parametrize("path", TARGETS)
def test_what_is_changed_stays_a_module(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    found = list(changes(source))
    assert found
    for change in found:
        assert change.applied(source) != source
        ast.parse(change.applied(source))


def test_the_tests_are_there() -> None:
    assert all((ROOT / path).exists() for path in TESTS)
