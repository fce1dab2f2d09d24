"""A case that cannot be drawn is reported and counted, and ends nothing."""

import errno
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappedram import strategies
from mappedram.fuzz import corpus, mutate, reproducer
from mappedram.fuzz.cases import Case, Cases, Generated
from mappedram.fuzz.defects import CATALOGUE
from mappedram.fuzz.faults import Drawing, Fault, Faults, attempt
from mappedram.fuzz.recorded_random import Recorded, Replayed
from mappedram.fuzz.report import FoundFailure
from mappedram.fuzz.run import RunLimits
from mappedram.fuzz.run import run as try_files
from mappedram.fuzz.targets import CommandTarget, Limit, Observation, OwnTarget
from tests.cli.conftest import Run, run  # noqa: F401 - a fixture
from tests.fuzz.test_run import Function

#: Numbers of cases that cannot be drawn, of each kind; and the number of cases.
BAD, COUNT = (3, 4, 8, 11), 20


@pytest.fixture
def broken_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make generators raise in some cases: before there is a case, and where its file is made."""
    draw = Generated.draw

    def failing(self: Generated, number: int) -> Case:
        if number not in BAD:
            return draw(self, number)
        if number == BAD[0]:
            return Case("wild", draw(self, 0).clean, mutations=("not a mutation",))  # type: ignore[arg-type]
        return Random(number).choice([])

    monkeypatch.setattr(Generated, "draw", failing)


class Faulty(Function):
    """A target that gets generated cases."""

    def cases(self, seed: int) -> Cases:
        return Generated(seed)


@pytest.mark.usefixtures("broken_generators")
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_goes_on(jobs: int) -> None:
    tried: list[Case] = []
    told: list[Fault] = []

    def observe(case: Case) -> Observation:
        tried.append(case)
        return Observation("accepts")

    summary = try_files(
        Faulty(observe),
        seed=7,
        budget=RunLimits(COUNT),
        jobs=jobs,
        on_found=print,
        on_fault=told.append,
    )
    assert summary.executions == len(tried) == COUNT - len(BAD)
    assert summary.faults.count == len(BAD)
    assert sorted(fault.drawing.number or 0 for fault in told) == list(BAD)
    wanted = [Generated(7).draw(n).file.sha256() for n in range(COUNT) if n not in BAD]
    assert sorted(case.file.sha256() for case in tried) == sorted(wanted)


@pytest.mark.usefixtures("broken_generators")
def test_a_run_of_nothing_but_faults_ends() -> None:
    budget = RunLimits(1)
    summary = try_files(Faulty(print), seed=7, budget=budget, first=BAD[1], on_found=print)  # type: ignore[arg-type]
    assert (summary.executions, summary.faults.count) == (0, 1)


@pytest.mark.usefixtures("broken_generators")
def test_run_on_the_command_line(run: Run, tmp_path: Path) -> None:  # noqa: F811
    options = ("--seed", 7, "--jobs", 1, "--target", "self", "-d", tmp_path / "found")
    outcome = run("fuzz", "run", "--count", COUNT, *options)
    assert outcome.status == 2
    assert f"{COUNT - len(BAD)} files of seed 7" in outcome.out
    assert "0 failures; 4 could not be drawn" in outcome.out
    for number in BAD:
        assert f"case {number} of seed 7 " in outcome.err
        assert f"--seed 7 --first {number} --count 1" in outcome.err
    assert "IndexError: Cannot choose from an empty sequence" in outcome.err
    again = run("fuzz", "run", "--first", BAD[1], "--count", 1, "--output", "json", *options)
    assert (again.status, again.json["executions"]) == (2, 0)
    faults = again.json["faults"]
    assert faults["count"] == 1
    (kept,) = faults["kept"]
    assert (kept["case"], kept["error"][:10]) == (BAD[1], "IndexError")
    assert "in failing" in kept["trace"]
    fine = run("fuzz", "run", "--first", 5, "--count", 2, *options)
    assert fine.status == 0
    assert "drawn" not in fine.out + fine.err


@pytest.mark.usefixtures("broken_generators")
def test_corpus_on_the_command_line(run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "files"
    outcome = run("fuzz", "corpus", "--seed", 7, "--count", COUNT, folder)
    assert outcome.status == 2
    assert f"{COUNT - len(BAD)} files: " in outcome.out
    assert "; 4 could not be drawn" in outcome.out
    manifest = json.loads((folder / corpus.MANIFEST).read_text())
    assert manifest["faults"]["count"] == len(BAD)
    numbers = {int(entry["name"][:5]) for entry in manifest["files"]}
    assert numbers == set(range(COUNT)) - set(BAD)
    assert {int(path.name[:5]) for path in folder.glob("*.mapped-ram")} == numbers


def test_a_part_of_a_corpus_holds_the_same_files(tmp_path: Path) -> None:
    whole = corpus.write(tmp_path / "whole", seed=3, count=9)
    part = corpus.write(tmp_path / "part", seed=3, first=4, count=3)
    assert part["files"] == whole["files"][4:7]
    assert whole["faults"] == {"count": 0, "kept": []}


def test_a_file_that_cannot_be_made_plain_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Case:
        raise ZeroDivisionError

    monkeypatch.setattr("mappedram.fuzz.run.minimise", fail)
    found: list[FoundFailure] = []
    summary = try_files(
        Function(lambda _: Observation("crashes", "SIGSEGV")),
        seed=1,
        budget=RunLimits(1),
        on_found=found.append,
    )
    assert len(found) == 1
    assert summary.faults.count == 1


def test_a_failure_of_check_itself_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Our own readers are a target, too, and reports call one of them."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mappedram.fuzz.report.check", fail)
    summary = try_files(
        Function(lambda _: Observation("raises", "ZeroDivisionError")),
        seed=1,
        budget=RunLimits(1),
        on_found=lambda found: reproducer.write(found, tmp_path),
    )
    assert len(summary.found) == 1
    (place,) = tmp_path.iterdir()
    document = json.loads((place / "report.json").read_text())
    assert (document["sign"], document["rules"]) == ("ZeroDivisionError", [])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_a_machine_that_cannot_go_on_is_no_fault(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Case:
        raise OSError(number, "no more")

    monkeypatch.setattr(Generated, "draw", fail)
    with pytest.raises(OSError, match="no more"):
        try_files(Faulty(print), seed=1, budget=RunLimits(9), on_found=print)  # type: ignore[arg-type]
    monkeypatch.setattr(Generated, "draw", lambda *_: (_ for _ in ()).throw(OSError(22, "bad")))
    summary = try_files(Faulty(print), seed=1, budget=RunLimits(9), on_found=print)  # type: ignore[arg-type]
    assert summary.faults.count == 9


def test_commands_get_only_what_begins_a_file_and_as_many() -> None:
    cases = CommandTarget(("true", "{}"), Limit()).cases(5)
    numbers = [cases.attempt() for _ in range(30)]
    assert all(isinstance(case, Case) and case.clean.offset == 0 for _, case in numbers)
    everything = OwnTarget(Limit()).cases(5)
    assert any(next(everything).clean.offset for _ in range(30))
    number, case = numbers[-1]
    assert isinstance(case, Case)
    assert number > 29
    assert case.file == Generated(5).draw(number).file


def test_an_iteration_goes_on() -> None:
    class Odd(Generated):
        def draw(self, number: int) -> Case:
            if number == 1:
                raise KeyError(number)
            return super().draw(number)

    cases = Odd(1)
    next(cases)
    with pytest.raises(KeyError):
        next(cases)
    assert next(cases).file == Generated(1).draw(2).file


def test_wild_files_do_not_depend_on_those_before() -> None:
    """Several come from one sound file, which is kept."""
    ahead, behind = Generated(3), Generated(3)
    files = [ahead.draw(number).file for number in range(2, 40, 3)]
    assert [behind.draw(number).file for number in range(38, 0, -3)] == files[::-1]


def test_of_many_faults_the_first_are_kept() -> None:
    faults = Faults()
    for number in range(100):
        fault = attempt(lambda: [][0], Drawing(f"case {number}", "", number))
        assert isinstance(fault, Fault)
        assert faults.add(fault) == (number < 10)
    other = attempt(lambda: int("x"), Drawing("case 100", "", 100))
    assert isinstance(other, Fault)
    assert faults.add(other)
    assert (faults.count, len(faults.kept)) == (101, 11)


def test_a_fault_names_the_function_of_the_package() -> None:
    fault = attempt(lambda: mutate.mutations(None, Random(1)), Drawing("case", ""))  # type: ignore[arg-type]
    assert isinstance(fault, Fault)
    assert fault.place.startswith("fuzz/mutate.py:")
    assert fault.place.endswith(" in __init__")


# Strategies.


def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make mutations of the length raise."""

    def fail(*_: Any) -> mutate.Mutation:
        raise ValueError("planted")

    operations = [
        entry._replace(draw=fail) if entry.draw is mutate.Mutator.length else entry
        for entry in mutate._OPERATIONS  # noqa: SLF001 - the table of generators
    ]
    monkeypatch.setattr(mutate, "_OPERATIONS", operations)


def test_a_strategy_rejects_what_it_cannot_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch)
    monkeypatch.setattr(strategies, "faults", Faults())
    drawn = 0

    @settings(max_examples=50, database=None, derandomize=True, deadline=None)
    @given(strategies.mutated())
    def test(_: object) -> None:
        nonlocal drawn
        drawn += 1

    with pytest.warns(strategies.DrawingFaultWarning, match="ValueError: planted") as warned:
        test()
    assert drawn >= 50
    assert strategies.faults.count >= len(warned) > 0
    # The warning shows how to draw it again: the exception or, after a fix, the file.
    answers = json.loads("[" + str(warned[0].message).rpartition("[")[2].removesuffix(")"))
    with pytest.raises(ValueError, match="planted"):
        strategies.again(strategies.mutated(), answers)
    monkeypatch.undo()
    with pytest.raises(IndexError):  # it stopped here, so there are no answers for the rest
        strategies.again(strategies.mutated(), answers)


@given(st.randoms(use_true_random=False))
def test_answers_draw_the_same_again(rng: Random) -> None:
    recorded = Recorded(rng)
    first = strategies.draw(strategies.mutated(), recorded)
    assert strategies.again(strategies.mutated(), recorded.answers) == first
    assert json.loads(json.dumps(recorded.answers)) == recorded.answers


@pytest.mark.parametrize("answers", [[], [0.5], [3]])
def test_answers_of_another_draw_are_too_few(answers: list[float]) -> None:
    with pytest.raises(IndexError):
        Replayed(answers).randrange(2) + Replayed(answers[1:]).random()


def test_only_our_strategies_are_drawn() -> None:
    with pytest.raises(ValueError, match="not a strategy of mappedram"):
        strategies.draw(st.integers(), Random(1))


@pytest.mark.parametrize(
    "limits",
    [
        {"blocks": 0},
        {"blocks": 35},
        {"pages": 0},
        {"runs": -1},
        {"run_pages": 0},
        {"devices": 6},
        {"page_sizes": ()},
        {"page_sizes": (3000,)},
        {"page_sizes": (128,)},
        {"align": 0},
        {"align": 3000},
        {"align": 1 << 41},
        {"runs": 9, "run_pages": 1 << 30, "pages": 1 << 20, "blocks": 4},
        {"pages": 1 << 30, "blocks": 9},
    ],
    ids=str,
)
def test_limits_within_which_nothing_can_be_drawn(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{[*limits][-1]}: "):
        strategies.Limits(**limits)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        strategies.Limits,
        blocks=st.integers(1, 34),
        pages=st.integers(1, 300),
        runs=st.integers(0, 9),
        run_pages=st.integers(1, 9),
        page_sizes=st.lists(
            st.integers(10, 16).map(lambda bits: 1 << bits), min_size=1, max_size=3
        ).map(tuple),
        align=st.none() | st.integers(0, 21).map(lambda bits: 1 << bits),
        devices=st.integers(0, 5),
        plain=st.booleans(),
    ),
    st.integers(0, 1 << 32),
)
def test_within_limits_that_are_allowed_everything_is_drawn(
    limits: strategies.Limits, seed: int
) -> None:
    for strategy in (strategies.snapshots(limits), strategies.mutated(limits)):
        strategies.draw(strategy, Random(seed))


@pytest.mark.parametrize("code", CATALOGUE)
def test_within_limits_that_are_allowed_every_rule_is_broken(code: str) -> None:
    narrow = strategies.Limits(blocks=1, pages=1, runs=0, run_pages=1, page_sizes=(65536,))
    far_apart = strategies.Limits(blocks=34, page_sizes=(1024, 65536), align=1 << 40)
    for seed, limits in enumerate((narrow, narrow, far_apart, far_apart, strategies.HUGE)):
        file = strategies.draw(strategies.broken(code, limits), Random(seed))
        assert file.stored < 64 << 20


@pytest.mark.parametrize(
    "make",
    [
        lambda: strategies.bitmaps(0),
        lambda: strategies.bitmaps(1 << 31),
        lambda: strategies.bitmaps(word_size=3),
        lambda: strategies.bitmaps(byteorder="middle"),  # type: ignore[arg-type]
        lambda: strategies.ramblocks(idstr=""),
        lambda: strategies.ramblocks(idstr="\u20ac"),
        lambda: strategies.mutated(most=0),
        lambda: strategies.files(align=3000),
    ],
)
def test_arguments_that_make_no_strategy(make: Any) -> None:
    """They are refused on creation, not while drawing."""
    with pytest.raises(ValueError, match="expected"):
        make()
