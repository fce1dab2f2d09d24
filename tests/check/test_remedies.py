"""Every rule and every finding says what to do, and that helps with the file."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import click
import pytest

from mappedram.check import RULES, check
from mappedram.check.remedies import REMEDIES, gathered
from mappedram.check.remedies.advice import PLACEHOLDER, VALUES
from mappedram.check.repairs import search
from mappedram.cli.main import cli, main
from mappedram.format.specification import errata
from mappedram.fuzz.defects import CATALOGUE, Breakage
from mappedram.io.opening import DiskImage, internal_snapshots, open_source
from tests.check.cases import CASES, Case
from tests.check.commands import commands, repairs, try_remedies
from tests.check.draft import Draft
from tests.conftest import DiskImages, Fixtures
from tests.files import copy_sparse

REPAIR = "`mappedram repair`"
CONVERT = "`mappedram convert -O mapped-ram`"
EXTRACT = "`mappedram extract` can still read the memory"
LOADS = ("None needed: QEMU loads the file", "QEMU loads the file nonetheless")
WAYS = [way for ways in CATALOGUE.values() for way in ways]
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


# What is said about one file.


def test_every_rule_has_remedies_and_one_that_always_holds() -> None:
    assert REMEDIES.keys() == RULES.keys()
    for texts in REMEDIES.values():
        assert "{" not in re.sub(r"\[[^]]*\]", "", texts[-1])
        assert all(re.fullmatch(r"(?s)[A-Z{].{4,}[.}]", text) for text in texts)


def test_every_erratum_has_a_remedy() -> None:
    assert all(card.fields.get("Remedy") for card in errata().values())


def test_placeholders_are_known() -> None:
    known = {"repair", *VALUES}
    used = {
        name for texts in REMEDIES.values() for text in texts for name in PLACEHOLDER.findall(text)
    }
    assert used == known


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_proposed_helps(
    case: Case, fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draft = Draft(fixtures[case.fixture], tmp_path)
    case.change(draft)
    try_remedies(draft.path, draft.base, tmp_path)
    for finding in check(draft.path, draft.base).findings:
        if any("{repair}" in text for text in REMEDIES[finding.code]):
            helps = repairs(draft.path, draft.base, finding.code)
            assert helps == finding.remedy.startswith("Run `mappedram repair")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.code}-{way.name}")
def test_what_is_proposed_for_a_drawn_file_helps(
    way: Breakage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(3):
        path, file = tmp_path / f"drawn-{seed}", way.file(Random(seed))
        file.store(path)
        try_remedies(path, file.offset, tmp_path)


def test_the_offset_of_a_stream_elsewhere_is_proposed(
    fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = fixtures["offset-unaligned"]
    (finding,) = check(moved.path).findings
    assert f"`--offset {moved.offset:#x}`" in finding.remedy
    assert try_remedies(moved.path, 0, tmp_path) == {"check"}


@pytest.mark.parametrize("limit", [0, 1 << 16])
def test_no_repair_is_tried_on_a_file_of_too_many_structures(
    limit: int, fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "_READ_MAX", limit)
    proposed = [one.remedy for one in check(fixtures["killed"].path).findings]
    assert any("mappedram repair" in remedy for remedy in proposed) is bool(limit)
    assert all(proposed)


def test_a_search_ends_after_so_many_structures(fixtures: Fixtures, tmp_path: Path) -> None:
    """The repairs found until then are kept."""
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set_in("pc.bios", "mapped_ram/version", 0)
    draft.write(draft.size, b"x")
    with open_source(draft.path) as source:
        for read_max, names in [
            (None, ["header-version", "trailing-bytes"]),
            (1, ["header-version"]),
        ]:
            found = search(source, draft.base, read_max=read_max)
            assert [change.name for change in found.changes] == names


def test_a_name_is_a_word_of_a_shell(
    fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "-it's [a] $HOME snapshot"
    copy_sparse(fixtures["killed"].path, tmp_path / name)
    assert {"repair"} <= try_remedies(Path(name), 0, tmp_path)


def test_a_file_without_a_name() -> None:
    (finding,) = check(b"\x7fELF" + bytes(100)).findings
    assert finding.remedy.startswith("Choose another file")
    (finding,) = check(b"QEVM\0\0\0\3").findings
    assert "<" not in finding.remedy


@pytest.mark.parametrize("name", ["savevm-plain", "savevm-mapped-ram", "savevm-extended-l2"])
def test_of_a_snapshot_in_a_disk_image(
    name: str, disk_images: DiskImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = internal_snapshots(disk_images[name])[-1].id
    assert check(DiskImage(disk_images[name], chosen)).verdict == "clean"
    for finding in check(DiskImage(disk_images[name], chosen)).findings:
        assert all("--snapshot" in words for words in commands(finding))
        for verb, *words in commands(finding):
            assert run(verb, *words) == 0
