"""Reports as one document of SARIF 2.1.0, the Static Analysis Results Interchange Format of OASIS.

Places are bytes: a region has `byteOffset` and `byteLength` (clause 3.30 there). A finding in a
decompressed stream has no region, as it has no offset in the file. Each checked file is an
artifact, with its verdict in the property bag.
"""

import os
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from mappedram.check.finding import Finding, Severity
from mappedram.check.registry import Rule
from mappedram.check.report import Report
from mappedram.check.reports.result import Results, Unread
from mappedram.json_types import Json
from mappedram.version import __version__

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
VERSION = "2.1.0"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

#: Documentation of the format, by band of rules.
_HELP = {"MR5": "https://libvirt.org/formatdomain.html"}
_HELP_OTHERS = "https://www.qemu.org/docs/master/devel/migration/mapped-ram.html"


def document(results: Results, rules: Sequence[Rule]) -> dict[str, object]:
    """The document; its members must be written in order, as some are iterators.

    Args:
        results: the reports, consumed while the document is written.
        rules: the selected rules.
    """
    numbers = {rule.code: number for number, rule in enumerate(rules)}
    unread: list[Unread] = []
    artifacts: dict[str, dict[str, Json]] = {}
    run = {
        "tool": {"driver": _driver(rules)},
        "columnKind": "unicodeCodePoints",
        "results": _results(results, numbers, artifacts, unread),
        "artifacts": _values(artifacts),
        "invocations": _invocations(unread),
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _driver(rules: Sequence[Rule]) -> dict[str, Json]:
    return {
        "name": "mappedram",
        "version": __version__,
        "rules": [_descriptor(rule) for rule in rules],
    }


def _descriptor(rule: Rule) -> dict[str, Json]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{rule.summary} {rule.why}"},
        "help": {
            "text": f"{rule.why} {rule.remedy} See clause {rule.clause} of spec/format.md;"
            f" {rule.qemu}."
        },
        "helpUri": _HELP.get(rule.code[:3], _HELP_OTHERS),
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _results(
    results: Results,
    numbers: dict[str, int],
    artifacts: dict[str, dict[str, Json]],
    unread: list[Unread],
) -> Iterator[dict[str, Json]]:
    for result in results:
        if isinstance(result, Unread):
            unread.append(result)
            continue
        artifacts[result.file] = _artifact(result)
        for finding in result.findings:
            yield {
                "ruleId": finding.code,
                "ruleIndex": numbers[finding.code],
                "level": LEVELS[finding.severity],
                "message": {"text": _message(finding)},
                "locations": [_location(result.file, finding)],
                **({"properties": {"remedy": finding.remedy}} if finding.remedy else {}),
            }


def _values(artifacts: dict[str, dict[str, Json]]) -> Iterator[dict[str, Json]]:
    """The artifacts, which are complete after all results were consumed."""
    yield from artifacts.values()


def _artifact(report: Report) -> dict[str, Json]:
    return {
        "location": {"uri": uri(report.file)},
        "roles": ["analysisTarget"],
        "properties": {
            "verdict": report.verdict,
            "qemu": {release: verdict.outcome for release, verdict in report.qemu.items()},
            "asked": report.asked.to_dict(),
        },
    }


def _message(finding: Finding) -> str:
    values = (("expected", finding.expected), ("actual", finding.actual))
    told = ", ".join(f"{name} {value}" for name, value in values if value is not None)
    text = f"{finding.message} ({told})" if told else finding.message
    text += f". {finding.remedy}" if finding.remedy else ""  # most viewers show only the message
    # A name from the file must not become a link (SARIF, section 3.11.6).
    return text.replace("](", "]\\(")


def _location(file: str, finding: Finding) -> dict[str, Json]:
    place: dict[str, Json] = {"artifactLocation": {"uri": uri(file)}}
    if finding.offset is not None and not finding.decompressed:
        length = {} if finding.length is None else {"byteLength": finding.length}
        place["region"] = {"byteOffset": finding.offset, **length}
    location: dict[str, Json] = {"physicalLocation": place}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return location


def _invocations(unread: list[Unread]) -> Iterator[dict[str, Json]]:
    """The outcome of the run, known after all results were consumed."""
    yield {
        "executionSuccessful": not unread,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": f"{result.file}: {result.message}"},
                "locations": [
                    {"physicalLocation": {"artifactLocation": {"uri": uri(result.file)}}}
                ],
            }
            for result in unread
        ],
    }


def uri(file: str) -> str:
    """A path as URI reference; a relative path stays relative."""
    prefix = "file://" if file.startswith("/") else ""
    # A colon in the first component of a relative path would be read as a scheme.
    return prefix + quote(os.fsencode(file), safe="/")
