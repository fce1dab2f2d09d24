"""Every rule says what to do, and that helps with the files on which the rule fires."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mappedram.check import RULES, check
from mappedram.cli.main import cli, main
from tests.check.cases import CASES
from tests.check.draft import Draft
from tests.conftest import Fixtures

REPAIR = "`mappedram repair`"
CONVERT = "`mappedram convert -O mapped-ram`"
EXTRACT = "`mappedram extract` can still read the memory"
LOADS = ("None needed: QEMU loads the file", "QEMU loads the file nonetheless")
#: What is repaired in some files, but in none of those that the tests make.
ELSEWHERE = {
    "MR002": "the rest is made readable",
    "MR104": "where the page size is wrong",
    "MR201": "where the offset is wrong by more than its alignment",
    "MR203": "where the whole stream was moved",
}


def run(*words: object) -> int:
    return main([str(word) for word in words])


def codes(path: Path, offset: int) -> set[str]:
    return {finding.code for finding in check(path, offset).findings}


def broken(code: str, fixtures: Fixtures, folder: Path) -> Iterator[Draft]:
    """Files with such a finding."""
    for number, case in enumerate(case for case in CASES if case.code == code):
        place = folder / str(number)
        place.mkdir()
        draft = Draft(fixtures[case.fixture], place)
        case.change(draft)
        yield draft


def suggesting(text: str) -> list[str]:
    """Rules about streams that suggest something."""
    return [code for code, rule in RULES.items() if text in rule.remedy and code < "MR5"]


@pytest.mark.parametrize("code", [code for code in RULES if code < "MR5"])
def test_a_repair_is_suggested_where_there_is_one(
    code: str, fixtures: Fixtures, tmp_path: Path
) -> None:
    cured = False
    for draft in broken(code, fixtures, tmp_path):
        out = draft.path.with_name("out")
        run("repair", "--zero-padding", "--offset", draft.base, draft.path, out)
        cured |= out.exists() and code not in codes(out, draft.base)
    suggested = "`mappedram repair" in RULES[code].remedy
    assert cured is (suggested and code not in ELSEWHERE)


@pytest.mark.parametrize("code", suggesting(CONVERT))
def test_converting_helps(code: str, fixtures: Fixtures, tmp_path: Path) -> None:
    for draft in broken(code, fixtures, tmp_path):
        out = draft.path.with_name("out")
        assert run("convert", "-O", "mapped-ram", "--offset", draft.base, draft.path, out) == 0
        assert code not in codes(out, 0)


@pytest.mark.parametrize("code", suggesting(EXTRACT))
def test_memory_can_be_extracted(code: str, fixtures: Fixtures, tmp_path: Path) -> None:
    for draft in broken(code, fixtures, tmp_path):
        ram = draft.path.with_name("ram")
        assert run("extract", "--offset", draft.base, draft.path, "-d", ram) == 0
        assert any(path.stat().st_blocks for path in ram.iterdir())


@pytest.mark.parametrize("code", [code for text in LOADS for code in suggesting(text)])
def test_qemu_loads_the_file(code: str, fixtures: Fixtures, tmp_path: Path) -> None:
    """By the model of its loader, which has other reasons against two of the files."""
    for draft in broken(code, fixtures, tmp_path):
        verdicts = check(draft.path, draft.base).qemu.values()
        assert code not in {reason for verdict in verdicts for reason in verdict.because}
        assert any(verdict.outcome == "loads" for verdict in verdicts) or code == "MR041"


@pytest.mark.parametrize("code", RULES)
def test_every_rule_says_what_to_do(code: str) -> None:
    remedy = RULES[code].remedy
    assert re.match(r"[A-Z`].{20,}\.$", remedy)
    for verb, *words in map(str.split, re.findall(r"`mappedram ([^`]+)`", remedy)):
        command = cli.get_command(click.Context(cli), verb)
        assert command, verb
        known = {name for param in command.params for name in param.opts}
        assert {word for word in words if word.startswith("-")} <= known
