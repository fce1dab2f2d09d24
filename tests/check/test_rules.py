"""Every rule fires on one file, and stays silent on its neighbour."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.check import RETIRED, RULES, Severity, check, check_snapshot, find
from mappedram.format.drivers.base import RefusalError
from mappedram.format.drivers.construct_driver import ConstructDriver
from mappedram.format.drivers.kaitai_driver import KaitaiDriver
from mappedram.format.typed import Kind, Params
from mappedram.fuzz.defects.changes import CHANGES
from tests.check.cases import CASES, FIXTURES, Case
from tests.check.draft import Draft
from tests.conftest import Fixtures

#: Codes that the unchanged fixtures are known for; see `VERDICTS` in test_files.py.
NEIGHBOURS = {
    "background-snapshot": "pc",
    "background-snapshot-plain": "plain",
    "compress": "plain",
    "devices-only": "plain",
    "killed": "pc",
    "live": "pc",
    "no-configuration": "pc",
    "no-footers-no-vmdesc": "no-footers",
    "no-vmdesc": "pc",
    "plain": "pc",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fires_on_the_changed_file(case: Case, fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures[case.fixture], tmp_path)
    offset = case.change(draft)
    findings = check(draft.path, draft.base).findings
    assert {finding.code for finding in findings} == {case.code} | case.also
    assert next(entry for entry in findings if entry.code == case.code).offset == offset


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_silent_on_the_neighbour(case: Case, fixtures: Fixtures) -> None:
    neighbour = fixtures[NEIGHBOURS.get(case.fixture, case.fixture)]
    codes = {finding.code for finding in check(neighbour.path, neighbour.offset).findings}
    assert case.code not in codes


def test_drivers_that_disagree(fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch) -> None:
    parse = KaitaiDriver.parse

    def wrong(self: KaitaiDriver, kind: Kind[Any], data: bytes, params: Params) -> Any:
        values, length = parse(self, kind, data, params)
        if kind == "ramblock_header":
            values["used_length"] += 1 << 20
        return values, length

    fixture = fixtures["none"]
    assert check(fixture.path).verdict == "clean"
    monkeypatch.setattr(KaitaiDriver, "parse", wrong)
    report = check(fixture.path)
    (finding,) = report.findings
    assert (finding.code, finding.path) == ("MR005", "/ram/blocks[0]")
    assert "used_length" in finding.message


@pytest.mark.parametrize(
    ("kind", "code", "offset"),
    [("section_part", "MR005", 0x110000D), ("stream_header", "MR005", 0)],
)
def test_drivers_of_which_one_refuses(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch, kind: str, code: str, offset: int
) -> None:
    def refuse(self: KaitaiDriver, asked: Kind[Any], data: bytes, params: Params) -> Any:
        if asked == kind:
            raise RefusalError(kind, "tired", 0, short=False, actual=None)
        return parse(self, asked, data, params)

    parse = KaitaiDriver.parse
    fixture = fixtures["none"]
    monkeypatch.setattr(KaitaiDriver, "parse", refuse)
    (finding,) = check(fixture.path).findings
    assert (finding.code, finding.offset) == (code, offset)
    assert "tired refused" in finding.message
    with mappedram.open(fixture.path) as snapshot:
        assert check_snapshot(snapshot).findings == (finding,)


def test_drivers_of_which_the_other_refuses(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is refused then, and the place of the refusal is that of the difference."""

    def refuse(self: ConstructDriver, kind: Kind[Any], data: bytes, params: Params) -> Any:
        if kind in ("section_part", "stream_header"):
            raise RefusalError(kind, "section_type", 0, short=True, actual=None)
        return parse(self, kind, data, params)

    parse = ConstructDriver.parse
    monkeypatch.setattr(ConstructDriver, "parse", refuse)
    findings = check(fixtures["none"].path).findings
    assert {finding.code for finding in findings} == {"MR002", "MR005"}
    assert {finding.offset for finding in findings} == {0}


def test_drivers_are_compared_up_to_a_limit(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mappedram.format.drivers.compared.COMPARED_MAX", 1)
    test_drivers_that_disagree(fixtures, monkeypatch)  # in the first of its kind
    assert check(fixtures["pc"].path).verdict == "corrupt"
    monkeypatch.setattr("mappedram.format.drivers.compared.COMPARED_MAX", 0)
    assert check(fixtures["pc"].path).verdict == "clean"


def test_codes_are_sorted_and_well_formed() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"MR[0-5]\d\d", code) for code in RULES)
    assert all(code == rule.code for code, rule in RULES.items())
    assert not RETIRED.keys() & RULES.keys()


def test_names_are_unique_and_kebab_case() -> None:
    names = [rule.name for rule in RULES.values()]
    assert len(set(names)) == len(names)
    assert len({rule.defect for rule in RULES.values()}) == len(RULES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|[a-z]+", name) for name in names)


def test_bands_are_modules() -> None:
    """Each band of codes has modules of its own."""
    bands: dict[str, set[str]] = {}
    for rule in RULES.values():
        module = inspect.getmodule(rule.judge)
        assert module
        bands.setdefault(module.__name__, set()).add(rule.code[:3])
    assert all(len(codes) == 1 for codes in bands.values())


@pytest.mark.parametrize("code", RULES)
def test_documented(code: str) -> None:
    rule = find(code)
    parts = re.findall(r"^(?:Why|Remedy):$", inspect.getdoc(rule.judge) or "", re.MULTILINE)
    assert parts == ["Why:", "Remedy:"]
    assert rule.summary.endswith(".")
    assert re.fullmatch(r"[A-Z][^.]*(\d\.\d[^.]*)?\.", rule.defect), "one sentence"
    assert len(rule.defect) <= 75, "one line in the index, and in a terminal"
    assert rule.defect != rule.summary
    assert rule.why.endswith(".")
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule.clause)
    assert re.match(r"[a-z0-9/_-]+\.[ch]: \w+", rule.qemu)
    assert isinstance(rule.severity, Severity)


def test_fixtures_are_named_for_changes_that_there_are() -> None:
    names = [change.name for change in CHANGES]
    assert len(set(names)) == len(names)
    assert set(names) >= FIXTURES.keys()
    assert {case.name for case in CASES} >= set(names)


def test_every_rule_has_a_case() -> None:
    # MR005 needs a driver that is wrong; it has tests of its own above. MR5 are about save images
    # of libvirt, and have theirs in tests/stream/libvirt. MR062 needs a release that is wrong, and
    # those behind it a destination: tests/check/test_judgement.py.
    elsewhere = {"MR005", "MR062", "MR063", "MR064", "MR065"}
    elsewhere |= {code for code in RULES if code.startswith("MR5")}
    assert {case.code for case in CASES} | elsewhere == set(RULES)


def test_retired_codes_lead_to_their_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RETIRED, "MR999", ("0.2", "MR001"))
    assert find("MR999") is RULES["MR001"]
    with pytest.raises(KeyError):
        find("MR998")


def test_names_are_shown_without_control_characters(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    draft.set("/ram/blocks[0]", "idstr", b"\x1b\n\xff")
    draft.set("/ram/blocks[0]", "mapped_ram/version", 0)
    findings = check(draft.path).findings
    assert {finding.code for finding in findings} == {"MR109", "MR206"}
    for finding in findings:
        assert finding.message.isprintable()
        assert r"\x1b\n" in finding.message
