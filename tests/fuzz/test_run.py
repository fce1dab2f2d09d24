"""A run finds planted bugs, keeps one file for each, and names the field."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mappedram.fuzz import reproducer
from mappedram.fuzz.cases import Case, Cases, Generated, Seeded
from mappedram.fuzz.mutate import Mutation
from mappedram.fuzz.report import FILE, FoundFailure, as_dict, as_text
from mappedram.fuzz.run import RunLimits, Summary, run
from mappedram.fuzz.targets import CommandTarget, Limit, Observation, Worker
from tests.fuzz import parser
from tests.fuzz.test_minimise import case_with

ARGV = (sys.executable, "-I", "-S", parser.__file__)


class Given(Generated):
    """Given cases, in place of the first ones of seed 0."""

    def __init__(self, *cases: Case) -> None:
        super().__init__(0)
        self.cases = cases

    def draw(self, number: int) -> Case:
        return self.cases[number] if number < len(self.cases) else super().draw(number)


class Planted(CommandTarget):
    """The parser with bugs, and cases of which some trigger them."""

    def cases(self, seed: int) -> Cases:  # noqa: ARG002
        sound = case_with()
        magic = Mutation("/header/magic", 0, b"QEVM", b"QFI\xfb", "another format")
        return Given(
            sound,
            case_with(page_size=0, bitmap_offset=8),
            case_with(version=0),
            replace(sound, mutations=(magic,)),
            case_with(version=0, bitmap_offset=16),  # the same failure again
        )


class Function:
    """A fast target that is a function."""

    name = "function"

    def __init__(self, observe: Callable[[Case], Observation]) -> None:
        self.observe = observe
        self.clean = case_with()

    def command(self, name: str, offset: int) -> str:
        return f"function {name} {offset}"

    def cases(self, seed: int) -> Cases:
        return Seeded([self.clean], seed)

    @contextmanager
    def worker(self, folder: Path) -> Iterator[Worker]:
        assert folder.is_dir()
        yield self


def accepts(_: Case) -> Observation:
    return Observation("accepts")


#: Number of files of `Planted` to try.
COUNT = 8

#: Summary of a run, and a folder for each kind and sign of failure.
Result = tuple[Summary, dict[tuple[str, str], Path]]


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory,
) -> Result:
    """Result of a run on the parser with planted bugs."""
    folder = tmp_path_factory.mktemp("found")
    places: dict[tuple[str, str], Path] = {}

    def keep(found: FoundFailure) -> None:
        key = (found.observation.kind, found.observation.sign)
        places.setdefault(key, reproducer.write(found, folder))

    target = Planted((*ARGV, "{}"), Limit(2.0, None))
    summary = run(target, seed=0, budget=RunLimits(executions=COUNT), jobs=2, on_found=keep)
    return summary, places


BUGS = {
    ("crashes", "SIGFPE"): ("MR204", "6.1.5"),
    ("hangs", ""): ("MR206", "6.1.4"),
    ("reports", "Python: OverflowError"): ("MR004", "9.6.2"),
}


@pytest.mark.parametrize("bug", BUGS, ids=" ".join)
def test_finds_planted_bugs(bug: tuple[str, str], planted: Result) -> None:
    _, places = planted
    document = json.loads((places[bug] / "report.json").read_text())
    rules = {rule["code"]: rule["clause"] for rule in document["rules"]}
    code, clause = BUGS[bug]
    assert rules[code] == clause
    text = (places[bug] / "report.md").read_text()
    assert code in text
    assert f"clause {clause}" in text


def test_finds_nothing_else(planted: Result) -> None:
    summary, places = planted
    assert places.keys() == BUGS.keys()
    assert summary.executions == COUNT == sum(summary.kinds.values())


def test_reproducers_reproduce(planted: Result) -> None:
    _, places = planted
    crash = places["crashes", "SIGFPE"] / FILE
    done = subprocess.run([*ARGV, str(crash)], check=False)
    assert done.returncode == -signal.SIGFPE
    document = json.loads((crash.parent / "report.json").read_text())
    again = subprocess.run(document["command"], shell=True, cwd=crash.parent, check=False)
    assert again.returncode in (-signal.SIGFPE, 128 + signal.SIGFPE)
    error = places["reports", "Python: OverflowError"] / FILE
    done = subprocess.run([*ARGV, str(error)], check=False, capture_output=True)
    assert b"OverflowError" in done.stderr


def test_each_failure_is_told_once() -> None:
    def observe(case: Case) -> Observation:
        return Observation("crashes", "SIGSEGV") if case.mutations else accepts(case)

    told: list[FoundFailure] = []
    summary = run(
        Function(observe), seed=1, budget=RunLimits(executions=150), on_found=told.append, jobs=3
    )
    assert summary.kinds["crashes"] == 150
    assert len({found.key for found in told}) == len(told) < 150
    assert summary.found == told


def test_report_names_field_value_and_clause() -> None:
    def observe(case: Case) -> Observation:
        hit = any(change.path.endswith("/used_length") for change in case.mutations)
        said = "out of memory\nfor \x1b[2J"
        return Observation("crashes", "SIGABRT", said) if hit else accepts(case)

    told: list[FoundFailure] = []
    run(Function(observe), seed=2, budget=RunLimits(executions=600), on_found=told.append)
    (found,) = told
    assert found.key == ("crashes", "SIGABRT", "/ram/blocks[]/used_length")
    (change,) = found.case.mutations
    document: Any = as_dict(found)
    text = as_text(found)
    assert document["mutations"][0]["clause"] == "5.3.5"
    assert document["mutations"][0]["after"] == change.after.hex()
    assert f"`{change.path}` at {change.offset:#x}, clause 5.3.5" in text
    assert "    out of memory\n    for \\x1b[2J\n" in text
    assert f"function {FILE} {found.case.clean.offset}" in text


def test_a_failure_is_not_reported_for_what_it_did_not_need() -> None:
    """Of several mutated fields, only the cause is reported."""

    def observe(case: Case) -> Observation:
        paths = [change.path for change in case.mutations]
        hit = "/header/magic" in paths
        return Observation("crashes", "SIGSEGV") if hit else accepts(case)

    told: list[FoundFailure] = []
    run(Function(observe), seed=3, budget=RunLimits(executions=600), on_found=told.append)
    assert [found.key for found in told] == [("crashes", "SIGSEGV", "/header/magic")]


def test_time_ends_a_run() -> None:
    summary = run(Function(accepts), seed=1, budget=RunLimits(seconds=0.2), on_found=print)
    assert summary.executions == sum(summary.kinds.values()) > 0


def test_an_error_of_the_target_ends_a_run() -> None:
    def observe(_: Case) -> Observation:
        raise FileNotFoundError("no such program")

    with pytest.raises(FileNotFoundError):
        run(Function(observe), seed=1, budget=RunLimits(), jobs=3, on_found=print)


def test_files_do_not_depend_on_the_number_of_jobs() -> None:
    def tried(jobs: int) -> set[str]:
        seen: set[str] = set()

        def observe(case: Case) -> Observation:
            seen.add(case.file.sha256())
            return accepts(case)

        run(Function(observe), seed=4, budget=RunLimits(60), jobs=jobs, on_found=print)
        return seen

    expected = {case.file.sha256() for case in islice(Function(accepts).cases(4), 60)}
    assert tried(1) == tried(3) == expected


def test_folders_of_one_name_are_numbered(tmp_path: Path) -> None:
    case = Generated(1).draw(0)
    values: dict[str, Any] = {"seed": 1, "index": 0, "executions": 1, "seconds": 0.0}
    found = FoundFailure(
        case, Observation("crashes", "SIGSEGV"), "function", "function x", **values
    )
    first, second = (reproducer.write(found, tmp_path) for _ in range(2))
    assert first.name == "crashes-SIGSEGV-sound"
    assert second.name == "crashes-SIGSEGV-sound-2"
    assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name}
