"""Reports as JUnit XML for continuous integration servers: each file is a test suite.

Each rule is a test, which fails if the rule finds an error or a warning; the `type` of the failure
is the severity. A file is corrupt if one failure has the type `error`. Source: the schema
`junit-10.xsd` of the xUnit plugin of Jenkins.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from xml.etree import ElementTree as ET

from mappedram.check.finding import Finding, Severity
from mappedram.check.registry import Rule
from mappedram.check.report import NOT_FOLLOWED, Report
from mappedram.check.reports.result import Results, Unread
from mappedram.printable import printable

_CLASS = "mappedram.check"


def pieces(results: Results, rules: Sequence[Rule]) -> Iterator[str]:
    """The document, piece by piece.

    Args:
        results: the reports, consumed while the document is written.
        rules: the selected rules.
    """
    yield "<?xml version='1.0' encoding='UTF-8'?>\n<testsuites>\n"
    for result in results:
        suite = _unread(result) if isinstance(result, Unread) else _suite(result, rules)
        ET.indent(suite)
        yield ET.tostring(suite, encoding="unicode") + "\n"
    yield "</testsuites>\n"


def _unread(result: Unread) -> ET.Element:
    case = _case("read")
    ET.SubElement(case, "error", message=printable(result.message))
    return _counted(result.file, [case])


def _suite(report: Report, rules: Sequence[Rule]) -> ET.Element:
    by_code = attrgetter("code")
    found = {
        code: list(group) for code, group in groupby(sorted(report.findings, key=by_code), by_code)
    }
    cases = [_test(rule, found.get(rule.code, [])) for rule in rules]
    for rule, case in zip(rules, cases, strict=True):
        if rule.code in report.not_judged and rule.code not in found:
            ET.SubElement(case, "skipped", message="not judged: the file is remote")
    return _counted(report.file, cases)


def _test(rule: Rule, findings: list[Finding]) -> ET.Element:
    case = _case(f"{rule.code} {rule.name}")
    if not findings:
        return case
    text = "\n".join(map(_line, findings))
    if rule.code == NOT_FOLLOWED:
        ET.SubElement(case, "skipped", message=findings[0].message).text = text
    elif all(finding.severity == Severity.INFO for finding in findings):
        ET.SubElement(case, "system-out").text = text
    else:
        failure = ET.SubElement(
            case, "failure", type=findings[0].severity, message=findings[0].message
        )
        failure.text = text
    return case


def _line(finding: Finding) -> str:
    where = "" if finding.offset is None else f"{finding.offset:#x}: "
    what = "decompressed, " if finding.decompressed and where else ""
    remedy = f"\n    Remedy: {finding.remedy}" if finding.remedy else ""
    return f"{what}{where}{finding.message} ({finding.path}){remedy}"


def _case(name: str) -> ET.Element:
    return ET.Element("testcase", name=name, classname=_CLASS)


def _counted(file: str, cases: list[ET.Element]) -> ET.Element:
    outcomes = [child.tag for case in cases for child in case]
    suite = ET.Element(
        "testsuite",
        name=printable(file),
        tests=str(len(cases)),
        failures=str(outcomes.count("failure")),
        errors=str(outcomes.count("error")),
        skipped=str(outcomes.count("skipped")),
    )
    suite.extend(cases)
    return suite
