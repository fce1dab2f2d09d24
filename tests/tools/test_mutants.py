"""The changes that `tools.mutants` tries, their order, and the recorded results."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tools.campaign.plan import Shard
from tools.mutants import order, published
from tools.mutants.__main__ import TARGETS, chosen, mutants_of
from tools.mutants.change import Change, changes
from tools.mutants.results import Row, read
from tools.mutants.same import SAME
from tools.mutants.trial import (
    ROOT,
    BrokenTestError,
    Copy,
    Mutant,
    OutOfTimeError,
    hash_of,
)

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
    tests = {*order.QUICK, *order.REST, *(test for own in order.OWN.values() for test in own)}
    assert all((ROOT / path).exists() for path in tests)
    assert all(any(path.startswith(own) for path in TARGETS) for own in order.OWN)


def row(name: str, witness: str = "", *, source: str = "s") -> Row:
    return Row(name, source, "code", bool(witness), witness, 1.0)


def test_the_tests_that_noticed_most_nearby_come_first() -> None:
    known = [
        row("a.py:10:1: x", "t.py::far"),
        row("a.py:90:1: x", "t.py::near"),
        row("b.py:91:1: x", "t.py::often"),
        row("b.py:92:1: x", "t.py::often"),
        row("a.py:91:1: x"),
        row("a.py:91:2: x", "took too long"),
        row("a.py:91:3: x", "tests/conftest.py"),
    ]
    assert order.witnesses("a.py", 91, known) == ["t.py::near", "t.py::far", "t.py::often"]
    assert order.witnesses("c.py", 91, known)[0] == "t.py::often"
    many = [row(f"a.py:{n}:1: x", f"t.py::{n}") for n in range(50)]
    assert order.witnesses("a.py", 20, many)[:3] == ["t.py::20", "t.py::19", "t.py::21"]
    assert len(order.witnesses("a.py", 20, many)) < 10


@pytest.mark.parametrize("path", TARGETS)
def test_each_change_is_shown_to_every_test(path: str) -> None:
    *few, last = order.stages(path, 1, [])
    assert set(last.tests) >= {*order.QUICK, *order.REST}
    assert [test for stage in few for test in stage.tests] == last.tests
    assert {stage.profile for stage in few} == {order.FEW}
    assert last.profile == order.ALL
    known = [row(f"{path}:1:1: x", "t.py::t")]
    assert order.stages(path, 1, known)[0] == (["t.py::t"], order.FEW)


def test_the_profiles_are_there() -> None:
    few, enough = settings.get_profile(order.FEW), settings.get_profile(order.ALL)
    assert few.max_examples < enough.max_examples == settings.get_profile("ci").max_examples
    assert Phase.shrink not in {*few.phases, *enough.phases}


def test_shards_have_each_change_once() -> None:
    mutants = mutants_of(TARGETS[0])
    shards = [chosen(mutants, Shard(number, 3), "seed") for number in (1, 2, 3)]
    assert sorted(mutant for shard in shards for mutant in shard) == sorted(mutants)
    assert chosen(mutants, Shard(), "seed") == chosen(mutants, Shard(), "seed") != mutants
    assert chosen(mutants, Shard(), "other") != chosen(mutants, Shard(), "seed")


def test_of_what_was_tried_twice_the_last_counts(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text(row("a.py:1:1: x").text() + row("a.py:2:1: x: y").text(), "utf-8")
    other.write_text(row("a.py:1:1: x", "t.py::t").text(), "utf-8")
    rows = read([one, other, tmp_path / "none"])
    assert {name: found.noticed for name, found in rows.items()} == {
        "a.py:1:1: x": True,
        "a.py:2:1: x: y": False,
    }
    assert (rows["a.py:2:1: x: y"].line, rows["a.py:2:1: x: y"].words) == (2, "x: y")


# A repository of one module and two tests.

MODULE = "LIMIT = 4\nOTHER = 5\n"
TESTS = """\
from module import LIMIT

def test_first():
    assert LIMIT < 9

def test_limit():
    assert LIMIT == 4
"""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name, text in {
        "module.py": MODULE,
        "test_module.py": TESTS,
        "pytest.ini": "[pytest]\npythonpath = .\nmarkers =\n  qemu\n  hostile\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(order, "QUICK", ("test_module.py",))
    monkeypatch.setattr(order, "REST", ())
    return Copy(tmp_path)


def mutant(number: int) -> Mutant:
    change = [change for change in changes(MODULE) if change.line == number]
    return Mutant("module.py", hash_of(MODULE), "code", *change)


def test_a_change_that_is_noticed(copy: Copy) -> None:
    found = copy.attempt(mutant(1), [])
    assert (found.noticed, found.witness) == (True, "test_module.py::test_limit")
    assert copy.attempt(mutant(1), [found]).witness == found.witness
    assert (copy.folder / "module.py").read_text("utf-8") == MODULE


def test_a_change_that_nothing_notices(copy: Copy) -> None:
    found = copy.attempt(mutant(2), [row("module.py:1:8: x", "test_module.py::test_first")])
    assert (found.noticed, found.witness) == (False, "")


def test_a_module_that_cannot_be_imported(copy: Copy) -> None:
    broken = Change(0, 5, "1", 1, "no module")
    found = copy.attempt(Mutant("module.py", "s", "code", broken), [])
    assert (found.noticed, found.witness) == (True, "test_module.py")


def test_a_test_that_fails_anyway_is_no_witness(copy: Copy) -> None:
    (copy.folder / "test_module.py").write_text("def test_it():\n    assert 0\n", "utf-8")
    with pytest.raises(BrokenTestError, match="test_it"):
        copy.attempt(mutant(1), [])


def test_a_test_that_is_not_there_is_no_witness(copy: Copy) -> None:
    gone = [row("module.py:1:8: x", "test_module.py::gone")]
    assert not copy.attempt(mutant(2), gone).noticed


def test_no_test_can_run_where_what_all_share_cannot_be_imported(copy: Copy) -> None:
    """The exit status of pytest is the same if a test does not exist."""
    (copy.folder / "conftest.py").write_text("import module\nassert module.LIMIT == 4\n", "utf-8")
    known = [row("module.py:1:8: x", "test_module.py::test_first")]
    found = copy.attempt(mutant(1), known)
    assert (found.noticed, found.witness) == (True, "pytest ended with 4")


def test_a_test_that_fails_now_and_then_is_no_witness(copy: Copy) -> None:
    text = "from pathlib import Path\n\ndef test_it():\n    seen = Path('seen')\n"
    text += "    first = not seen.exists()\n    seen.touch()\n    assert not first\n"
    (copy.folder / "test_module.py").write_text(text, "utf-8")
    assert not copy.attempt(mutant(1), []).noticed


def test_what_is_not_known_in_time_is_not_told(copy: Copy) -> None:
    with pytest.raises(OutOfTimeError):
        replace(copy, ends=0.0).attempt(mutant(2), [])


# Published results.


def entries(*rows: Row, source: str = "s") -> list[published.Entry]:
    mutants = [Mutant("a.py", source, "code", Change(n, n + 1, "", 1, "x")) for n in range(4)]
    return published.entries_of(mutants, {one.name: one for one in rows})


def test_counts_follow_from_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAME, ("a.py", "code", "x"), "no difference")
    (entry,) = entries(row("a.py:1:0: x", "t.py::t"), row("a.py:1:1: x"), row("b.py:1:2: x"))
    assert (entry.changes, entry.tried) == (4, 2)
    assert (entry.noticed, entry.same, entry.survivors) == (("1:0: x",), ("1:1: x",), ())
    monkeypatch.delitem(SAME, ("a.py", "code", "x"))
    (entry,) = entries(row("a.py:1:1: x"), row("a.py:1:2: x", "t.py::t", source="older"))
    assert (entry.noticed, entry.same, entry.survivors) == ((), (), ("1:1: x",))


def test_results_of_several_machines_come_together(tmp_path: Path) -> None:
    first = entries(row("a.py:1:0: x"), row("a.py:1:1: x", "t.py::t"))
    second = entries(row("a.py:1:0: x", "t.py::t"), row("a.py:1:3: x"))
    (both,) = published.added(first, second)
    assert (both.noticed, both.survivors) == (("1:0: x", "1:1: x"), ("1:3: x",))
    assert published.added(first, []) == []
    assert published.added(first, entries(source="newer")) == first
    newer = entries(row("a.py:1:0: x", "t.py::t", source="newer"), source="newer")
    assert published.added(first, newer) == newer
    published.write([both], tmp_path / "published.json")
    assert published.read(tmp_path / "published.json") == [both]
    assert "| `a.py` | 4 | 3 | 2 | 0 | 1 |" in published.table([both])


def test_each_change_that_makes_no_difference_is_one() -> None:
    """Entries that no longer exist must be removed from the list."""
    found = {
        (mutant.path, mutant.code, mutant.change.what)
        for path in {path for path, _, _ in SAME}
        for mutant in mutants_of(path)
    }
    assert found >= SAME.keys()


def test_what_is_published_is_of_files_that_are_changed() -> None:
    found = published.read()
    assert {entry.path for entry in found} <= set(TARGETS)
    assert not any({*entry.noticed} & {*entry.same, *entry.survivors} for entry in found)
    assert all(entry.tried <= entry.changes for entry in found)
