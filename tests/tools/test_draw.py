"""`python -m tools.draw` draws all kinds, and counts faults with a way to draw them again."""

import re
import sys
from pathlib import Path
from random import Random

import pytest

from mappedram import strategies
from mappedram.fuzz.cases import KINDS as CASES
from mappedram.fuzz.cases import Generated
from mappedram.fuzz.defects import CATALOGUE
from tools.draw import __main__ as command
from tools.draw import kinds, pythons, tally
from tools.draw.edges import EdgedRandom


def draw(monkeypatch: pytest.MonkeyPatch, *options: object) -> int:
    monkeypatch.setattr(sys, "argv", ["draw", *map(str, options)])
    return command.main()


def planted(monkeypatch: pytest.MonkeyPatch, kind: str, *bad: int) -> None:
    """A kind of which some cases cannot be drawn."""

    def fail(_: int, index: int) -> object:
        return [][index] if index in bad else index

    monkeypatch.setattr(kinds, "KINDS", kinds.KINDS | {kind: fail})  # type: ignore[operator]
    monkeypatch.setattr(tally, "KINDS", kinds.KINDS)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_kind_is_drawn(kind: str) -> None:
    drawn = tally.draw(tally.Chunk(kind, seed=1, first=0, count=2 * len(CATALOGUE)))
    assert drawn.faults == []
    assert drawn.seconds > 0


def test_what_raises_is_counted_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(monkeypatch, "wild", 3, 1500)
    options = ("--kind", "wild", "--kind", "seeded", "--jobs", 1, "--seed", 5)
    assert draw(monkeypatch, *options, "--count", 2000) == 1
    out = capsys.readouterr().out
    for index in (3, 1500):
        assert f"again: python -m tools.draw --kind wild --seed 5 --first {index} --count 1" in out
    assert out.count("IndexError: list index out of range") == 2
    assert re.search(r"^wild +2000 drawn +2 faults", out, re.MULTILINE)
    assert re.search(r"^seeded +2000 drawn +0 faults", out, re.MULTILINE)
    assert draw(monkeypatch, "--kind", "wild", "--jobs", 1, "--first", 3, "--count", 1) == 1
    assert draw(monkeypatch, "--kind", "wild", "--jobs", 1, "--first", 4, "--count", 1) == 0


def test_an_interruption_shows_what_was_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: int, index: int) -> object:
        if index == tally.CHUNK:
            raise KeyboardInterrupt
        return index

    monkeypatch.setattr(tally, "KINDS", {"wild": interrupted})
    assert draw(monkeypatch, "--kind", "wild", "--jobs", 1) == 130
    out = capsys.readouterr().out
    assert "interrupted" in out
    assert re.search(rf"^wild +{tally.CHUNK} drawn +0 faults", out, re.MULTILINE)


def test_processes_draw_what_one_does() -> None:
    span = (10, 10 + tally.CHUNK + 5)
    wanted = list(tally.chunks({"seeded": [span], "strategies.bitmaps": [span]}, 3))
    assert sum(chunk.count for chunk in wanted) == 2 * (tally.CHUNK + 5)
    drawn = list(tally.draw_all(wanted, 2))
    assert sorted(map(repr, wanted)) == sorted(repr(entry.chunk) for entry in drawn)


def test_kinds_take_turns_until_each_has_all_its_ranges() -> None:
    whole = tally.CHUNK
    wanted = {"a": [(0, whole + 1), (5 * whole, 5 * whole + 2)], "b": [(7, 9)], "c": []}
    assert [(c.kind, c.first, c.count, c.seed) for c in tally.chunks(wanted, 4)] == [
        ("a", 0, whole, 4),
        ("b", 7, 2, 4),
        ("a", whole, 1, 4),
        ("a", 5 * whole, 2, 4),
    ]


def test_nothing_is_left_out() -> None:
    """Everything that `mappedram fuzz` draws, and every strategy."""
    public = {name for name in strategies.__all__ if name[0].islower()}
    assert set(kinds.STRATEGIES) == public - {"again", "draw", "faults"}
    assert set(CASES) < set(kinds.KINDS)
    assert {f"strategies.{name}" for name in kinds.STRATEGIES} < set(kinds.KINDS)
    for number, kind in enumerate(CASES):
        file = kinds.KINDS[kind](6, 4)
        assert file == Generated(6).draw(3 * 4 + number).file


def test_extremes_are_frequent() -> None:
    rng = EdgedRandom(1)
    assert {0, 15} <= {rng.randrange(16) for _ in range(60)}
    numbers = [rng.getrandbits(64) for _ in range(60)]
    assert 0 in numbers
    assert (1 << 64) - 1 in numbers
    floats = [rng.random() for _ in range(60)]
    assert min(floats) == 0 < max(floats) < 1
    plain = Random(1)
    assert 0 not in [plain.getrandbits(64) for _ in range(60)]


def test_a_python_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        draw(monkeypatch, "--python", "/none/such")
    assert "no such program: /none/such" in capsys.readouterr().err


def test_other_pythons_draw_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In an existing environment."""
    folder = tmp_path / ".venv-{}.{}".format(*sys.version_info)
    (folder / "bin").mkdir(parents=True)
    inside = folder / "bin" / "python"
    inside.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    inside.chmod(0o755)
    (folder / "installed").touch()
    for name in ("tools", "mappedram"):
        (tmp_path / name).symlink_to(pythons.ROOT / name)
    monkeypatch.setattr(pythons, "ROOT", tmp_path)
    options = ("--python", sys.executable, "--kind", "seeded", "--count", 7, "--jobs", 1)
    assert draw(monkeypatch, *options) == 0
    assert re.search(r"^seeded +7 drawn +0 faults", capfd.readouterr().out, re.MULTILINE)
