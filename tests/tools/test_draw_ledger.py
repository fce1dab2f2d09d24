"""The ledger of `python -m tools.draw`, and the table made from it."""

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tools import keeping
from tools.draw import __main__ as command
from tools.draw import document, kinds, ledger, pythons, tally
from tools.draw.ledger import Entry, LedgerError

HERE = platform.python_version()
ENTRY = Entry("3.11.7", "wild", 0, "abc", [(0, 1000)])


def draw(monkeypatch: pytest.MonkeyPatch, *options: object) -> int:
    monkeypatch.setattr(sys, "argv", ["draw", "--jobs=1", *map(str, options)])
    return command.main()


class Planted:
    """Two kinds that record draws; numbers in `bad` raise, and one can end a run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: dict[str, list[int]] = {"wild": [], "seeded": []}
        self.bad: set[int] = set()
        self.ends_at = -1
        kinds = {"wild": self._draw("wild"), "seeded": self._draw("seeded")}
        monkeypatch.setattr(tally, "KINDS", kinds)
        monkeypatch.setattr(command, "KINDS", kinds)

    def _draw(self, kind: str) -> object:
        def one(_: int, index: int) -> object:
            if index == self.ends_at:
                raise KeyboardInterrupt
            self.drawn[kind].append(index)
            return [][index] if index in self.bad else index

        return one


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Planted:
    return Planted(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.json"


def kept(path: Path) -> dict[str, list[tuple[int, int]]]:
    return {entry.kind: list(entry.ranges) for entry in ledger.read(path)}


# Entries.


def test_ranges_grow_together() -> None:
    more = replace(ENTRY, ranges=[(1000, 2000), (3000, 3001)], faults=(1500,))
    (both,) = ledger.added([ENTRY], [more])
    assert both.ranges == [(0, 2000), (3000, 3001)]
    assert both.faults == (1500,)
    assert ledger.added([both], [both]) == [both]


@pytest.mark.parametrize(
    "other",
    [
        {"python": "3.11.9"},
        {"kind": "sound"},
        {"seed": 1},
        {"commit": "abd"},
    ],
)
def test_entries_of_anything_else_stand_apart(other: dict[str, object]) -> None:
    assert len(ledger.added([ENTRY], [replace(ENTRY, **other)])) == 2  # type: ignore[arg-type]


def test_versions_stand_in_order() -> None:
    versions = ["3.11.7", "3.9.1", "3.14.0rc1"]
    entries = ledger.added((), [replace(ENTRY, python=version) for version in versions])
    assert [entry.python for entry in entries] == ["3.9.1", "3.11.7", "3.14.0rc1"]


@pytest.mark.parametrize(
    ("entry", "there"),
    [
        (ENTRY, True),
        (replace(ENTRY, python="3.11.9", commit="other"), True),
        (replace(ENTRY, python="3.12.7"), False),
        (replace(ENTRY, python="3.1.7"), False),
        (replace(ENTRY, kind="sound"), False),
        (replace(ENTRY, seed=1), False),
    ],
)
def test_the_same_minor_version_has_drawn_it(entry: Entry, there: bool) -> None:
    expected = [(1000, 2000)] if there else [(500, 2000)]
    assert ledger.missing([entry], "3.11.7", "wild", 0, (500, 2000)) == expected


def test_what_raised_is_missing_until_it_is_drawn() -> None:
    bad = replace(ENTRY, faults=(3, 999))
    span = (0, 1001)
    assert ledger.missing([bad], "3.11.7", "wild", 0, span) == [(3, 4), (999, 1001)]
    assert ledger.faults([bad]) == [(bad, 3), (bad, 999)]
    later = replace(ENTRY, commit="later", ranges=[(3, 4)])
    assert ledger.missing([bad, later], "3.11.7", "wild", 0, span) == [(999, 1001)]
    assert ledger.faults([bad, later]) == [(bad, 999)]
    assert ledger.faults([bad, replace(later, python="3.12.1")]) == [(bad, 3), (bad, 999)]


# On disk.


def test_entries_come_back(path: Path) -> None:
    entries = [ENTRY, replace(ENTRY, kind="sound", ranges=[(0, 5), (7, 9)], faults=(8,))]
    assert ledger.add(path, entries) == ledger.added((), entries)
    assert ledger.read(path) == ledger.added((), entries)
    assert [line["count"] for line in json.loads(path.read_text())] == [7, 1000]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_another_process_has_added_stays(path: Path) -> None:
    ledger.add(path, [ENTRY])
    assert len(ledger.add(path, [replace(ENTRY, python="3.12.1")])) == 2
    assert len(ledger.read(path)) == 2


def test_a_failed_write_leaves_the_ledger(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.add(path, [ENTRY])

    def fail(*_: object, **__: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(OSError):  # noqa: PT011
            ledger.add(path, [replace(ENTRY, seed=1)])
    assert ledger.read(path) == [ENTRY]


@pytest.mark.parametrize(
    "text", ["", "{}x", '[{"python":"3.11.7"}]', "[3]", '[{"ranges":[[1]]}]', "{"]
)
def test_no_ledger(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(text)
    with pytest.raises(LedgerError):
        ledger.read(path)
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 1) == 2
    assert path.read_text() == text


# The commit.


def test_a_commit_tells_of_files_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ROOT", tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "-q"], check=True)
    with pytest.raises(subprocess.CalledProcessError):
        keeping.commit()
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    other.touch()
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    clean = keeping.commit()
    assert len(clean) == 12
    one.write_text("changed")
    assert keeping.commit(one) == clean
    assert keeping.commit(other) == keeping.commit() == f"{clean}+"


# Runs.


def test_a_run_goes_on_where_the_ledger_ends(
    planted: Planted,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 3) == 0
    assert f"Python {HERE}: missing: nothing" in capsys.readouterr().out
    assert draw(monkeypatch, "--ledger", path, "--count", 5) == 0
    assert planted.drawn == {"wild": [0, 1, 2, 3, 4], "seeded": [0, 1, 2, 3, 4]}
    assert kept(path) == {"wild": [(0, 5)], "seeded": [(0, 5)]}
    assert {entry.commit.rstrip("+") for entry in ledger.read(path)} == {
        keeping.commit().rstrip("+")
    }
    assert {entry.python for entry in ledger.read(path)} == {HERE}
    capsys.readouterr()
    assert draw(monkeypatch, "--ledger", path, "--first", 2, "--count", 4) == 0
    assert planted.drawn["wild"] == [0, 1, 2, 3, 4, 5]


def test_without_a_ledger_everything_is_drawn_again(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert draw(monkeypatch, "--kind", "wild", "--count", 2) == 0
    assert planted.drawn["wild"] == [0, 1, 0, 1]
    assert "missing" not in capsys.readouterr().out


def test_another_python_draws_them_itself(
    planted: Planted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add(path, [replace(ENTRY, python="3.0.1"), replace(ENTRY, python=HERE)])
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 1001) == 0
    assert planted.drawn["wild"] == [1000]


def test_faults_are_kept_and_drawn_again(
    planted: Planted,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    planted.bad = {1}
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 4) == 1
    assert "missing: wild 1" in capsys.readouterr().out
    (entry,) = ledger.read(path)
    assert (entry.ranges, entry.faults) == ([(0, 4)], (1,))
    planted.bad = set()
    monkeypatch.setattr(keeping, "commit", lambda *_: "later")
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 4) == 0
    assert planted.drawn["wild"] == [0, 1, 2, 3, 1]
    assert "missing: nothing" in capsys.readouterr().out
    assert ledger.faults(ledger.read(path)) == []


def test_an_interruption_keeps_what_was_drawn(
    planted: Planted,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whole chunks."""
    planted.ends_at = 2 * tally.CHUNK
    count = 3 * tally.CHUNK
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", count) == 130
    assert kept(path) == {"wild": [(0, 2 * tally.CHUNK)]}
    assert f"missing: wild {tally.CHUNK:,}" in capsys.readouterr().out
    planted.ends_at = -1
    assert draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", count) == 0
    assert planted.drawn["wild"] == list(range(count))


def test_a_run_of_some_minutes_ends_by_itself(
    planted: Planted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = ("--minutes", 1e-9, "--kind", "wild", "--count", 3 * tally.CHUNK)
    for part in range(1, 4):
        assert draw(monkeypatch, "--ledger", path, *minutes) == 0
        assert kept(path) == {"wild": [(0, part * tally.CHUNK)]}
    assert planted.drawn["wild"] == list(range(3 * tally.CHUNK))


def test_what_is_drawn_is_kept_meanwhile(
    planted: Planted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_KEEP", 0)
    planted.ends_at = tally.CHUNK
    written: list[int] = []
    add = ledger.add

    def noted(target: Path, new: Sequence[Entry]) -> list[Entry]:
        written.append(len(new))
        return add(target, new)

    monkeypatch.setattr(ledger, "add", noted)
    draw(monkeypatch, "--ledger", path, "--kind", "wild", "--count", 2 * tally.CHUNK)
    assert written == [1, 0]


def test_ledgers_of_several_machines(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = path.with_name("here"), path.with_name("there")
    ledger.add(here, [ENTRY])
    ledger.add(there, [replace(ENTRY, ranges=[(900, 2000)], faults=(950,))])
    options = ("--ledger", path, "--kind", "wild", "--count", 2500, "--merge", here)
    assert draw(monkeypatch, *options) == 0
    assert "Python 3.11.7: missing: wild 1,500" in capsys.readouterr().out
    assert draw(monkeypatch, *options, "--merge", there) == 1
    assert "Python 3.11.7: missing: wild 501" in capsys.readouterr().out
    assert kept(path) == {"wild": [(0, 2000)]}
    with pytest.raises(SystemExit):
        draw(monkeypatch, "--merge", here)


def test_another_python_is_given_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def run(_: str, arguments: Sequence[str]) -> int:
        given.extend(arguments)
        return 0

    monkeypatch.setattr(pythons, "run", run)
    monkeypatch.chdir(tmp_path)
    options = ("--python", sys.executable, "--ledger", "my.json", "--minutes", 2)
    assert draw(monkeypatch, *options) == 0
    assert f"--ledger={tmp_path}/my.json" in given
    assert "--minutes=2.0" in given


# The page.

PAGE = f"a\n{document.BEGIN}old\n{document.END}b\n"


def test_page_is_fresh() -> None:
    """`python -m tools.draw --document` writes it."""
    text = document.PAGE.read_text(encoding="utf-8")
    assert text == document.page(text, ledger.read(ledger.PUBLISHED))


def test_what_is_published_can_be_drawn_again() -> None:
    text = ledger.PUBLISHED.read_text(encoding="utf-8")
    entries = ledger.read(ledger.PUBLISHED)
    assert entries
    assert text == ledger.text(entries)
    assert {entry.kind for entry in entries} <= set(kinds.KINDS)


def test_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.draw.document.KINDS", {"wild": None, "sound": None})
    entries = [
        replace(ENTRY, kind="sound", ranges=[(0, 1_000_000)]),
        replace(ENTRY, faults=(7,)),
        replace(ENTRY, python="3.11.9", seed=1, commit="abd", ranges=[(0, 10)]),
        replace(ENTRY, python="3.9.1", ranges=[(0, 3)]),
    ]
    before, row, after = document.page(PAGE, entries).partition(
        "| 3.11.7, 3.11.9 | 1,001,009 | 1 of 2 | wild: 1,009 | 1 | abc, abd |\n"
    )
    assert row
    assert before.endswith("\n| 3.9.1 | 3 | 0 of 2 | sound: 0 | 0 | abc |\n")
    assert before.startswith(f"a\n{document.BEGIN}\n| Python ")
    assert after == f"\n{document.END}b\n"
    assert document.page(before + row + after, entries) == before + row + after


@pytest.mark.parametrize("text", ["", document.BEGIN, document.END, PAGE + PAGE])
def test_a_page_without_one_place_for_the_table(text: str) -> None:
    with pytest.raises(ValueError, match="one place"):
        document.page(text, [])


def test_the_table_is_written(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    ledger.add(path, [ENTRY])
    monkeypatch.setattr(document, "PAGE", page)
    monkeypatch.setattr(ledger, "PUBLISHED", path)
    assert draw(monkeypatch, "--document") == 0
    assert "| 3.11.7 | 1,000 |" in page.read_text()
