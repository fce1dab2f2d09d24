"""SARIF and JUnit XML: documents by their schemas, and what they say of files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema

from mappedram.check import RULES, Report, check
from mappedram.check.finding import Finding, Severity
from mappedram.check.reports import Result, Unread, junit, sarif
from tests.check.cases import CASES, Case
from tests.check.draft import Draft
from tests.conftest import Fixtures

SCHEMAS = Path(__file__).parent / "schemas"
SARIF = jsonschema.Draft7Validator(
    json.loads((SCHEMAS / "sarif-2.1.0-subset.json").read_text(encoding="utf-8")),
    format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER,
)
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit-subset.xsd"))
ALL = tuple(RULES.values())


def as_sarif(*results: Result) -> dict[str, Any]:
    """The one run of the document, which has been written as JSON and read again."""
    document = sarif.document(results, ALL)
    text = json.dumps(document, default=list)
    written = json.loads(text)
    SARIF.validate(written)
    run: dict[str, Any] = written["runs"][0]
    return run


def as_junit(results: Sequence[Result], rules: Sequence[Any] = ALL) -> list[ET.Element]:
    text = "".join(junit.pieces(results, rules))
    JUNIT.validate(text)
    return list(ET.fromstring(text))


def finding(code: str, **values: Any) -> Finding:
    rule = RULES[code]
    given = Finding(code, rule.name, rule.severity, "a", 1, 2, "/a", None, None)
    return replace(given, **values)


ONE_EACH = {case.code: case for case in CASES}.values()


@pytest.mark.parametrize("case", ONE_EACH, ids=lambda case: case.code)
def test_every_rule_in_both(case: Case, fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures[case.fixture], tmp_path)
    case.change(draft)
    report = check(draft.path, draft.base)
    results = as_sarif(report)["results"]
    assert [result["ruleId"] for result in results] == [f.code for f in report.findings]
    for result, found in zip(results, report.findings, strict=True):
        assert ALL[result["ruleIndex"]].code == found.code
        region = result["locations"][0]["physicalLocation"].get("region", {})
        assert region.get("byteOffset") == found.offset
        assert region.get("byteLength") == found.length
    (suite,) = as_junit([report])
    told = {test.get("name", "")[:5] for test in suite if len(test)}
    assert told == {found.code for found in report.findings}


def test_rules_are_described() -> None:
    described = as_sarif()["tool"]["driver"]["rules"]
    assert [entry["id"] for entry in described] == list(RULES)
    for entry, rule in zip(described, ALL, strict=True):
        assert entry["shortDescription"]["text"] == rule.summary
        assert rule.why in entry["fullDescription"]["text"]
        assert rule.clause in entry["help"]["text"]


@pytest.mark.parametrize(
    ("severity", "level"),
    [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note")],
)
def test_levels(severity: Severity, level: str) -> None:
    code = next(rule.code for rule in ALL if rule.severity == severity)
    (result,) = as_sarif(Report.of("file", [finding(code)]))["results"]
    assert result["level"] == level


def test_no_place_in_the_file() -> None:
    """Neither what is nowhere nor what was decompressed has a region."""
    findings = [finding("MR002", offset=None, length=None), finding("MR101", decompressed=True)]
    for result in as_sarif(Report.of("file", findings))["results"]:
        assert "region" not in result["locations"][0]["physicalLocation"]
    (suite,) = as_junit([Report.of("file", findings)])
    assert "decompressed, 0x1: a (/a)" in [outcome.text for outcome in suite.iter()]


def test_length_that_is_not_known() -> None:
    (result,) = as_sarif(Report.of("file", [finding("MR002", length=None)]))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"byteOffset": 1}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/a b/c#d", "file:///a%20b/c%23d"),
        ("a/b", "a/b"),
        ("a:b", "a%3Ab"),
        ("\udcff", "%FF"),
        ("/é\n", "file:///%C3%A9%0A"),
    ],
)
def test_paths_are_uris(path: str, uri: str) -> None:
    (result,) = as_sarif(Report.of(path, [finding("MR002")]))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_names_make_no_links() -> None:
    report = Report.of("file", [finding("MR101", message="[free](http://x)", actual="](")])
    (result,) = as_sarif(report)["results"]
    assert result["message"]["text"] == r"[free]\(http://x) (actual ]\()"


def test_a_file_that_was_not_read() -> None:
    run = as_sarif(Unread("gone", "No such file"), Report.of("file", [finding("MR002")]))
    assert len(run["results"]) == 1
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "gone: No such file"
    assert as_sarif(Report.of("file", []))["invocations"][0]["executionSuccessful"] is True

    gone, read = as_junit([Unread("gone", "No\x1bsuch file"), Report.of("file", [])])
    assert (gone.get("tests"), gone.get("errors")) == ("1", "1")
    assert gone[0][0].attrib == {"message": r"No\x1bsuch file"}
    assert (read.get("name"), read.get("errors"), read.get("failures")) == ("file", "0", "0")


def test_outcomes_of_tests() -> None:
    findings = [
        finding("MR101"),
        finding("MR101", offset=3, message="b"),
        finding("MR106"),
        finding("MR303"),
        finding("MR004", message="another file"),
    ]
    (suite,) = as_junit([Report.of("file\n\x00", findings)])
    assert suite.get("name") == r"file\n\x00"
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {
        "tests": str(len(RULES)),
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    outcomes = {test.get("name", "")[:5]: test[0] for test in suite if len(test)}
    assert {code: outcome.tag for code, outcome in outcomes.items()} == {
        "MR004": "skipped",
        "MR101": "failure",
        "MR106": "failure",
        "MR303": "system-out",
    }
    assert (outcomes["MR101"].get("type"), outcomes["MR101"].text) == (
        "error",
        "0x1: a (/a)\n0x3: b (/a)",
    )


def test_rules_that_nobody_asked_for_are_no_tests() -> None:
    (suite,) = as_junit([Report.of("file", [])], [RULES["MR101"]])
    assert [test.get("name") for test in suite] == ["MR101 duplicate-idstr"]
