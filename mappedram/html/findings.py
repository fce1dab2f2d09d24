"""The findings of `check`, and the verdicts of QEMU's releases."""

from collections.abc import Sequence

from mappedram.check import RULES, Report
from mappedram.html import clauses
from mappedram.html.entries import Remark
from mappedram.html.markup import Markup, cut, join, tag
from mappedram.view.releases import lines

#: Most characters of a message, which may hold names.
_MESSAGE_SHOWN = 400


def findings(report: Report, remarks: Sequence[Remark]) -> Markup:
    """All findings, each with a link to its place, and the verdicts of the releases."""
    left_out = len(report.findings) - len(remarks)
    return join(
        (
            None if remarks else tag("p", "No findings."),
            tag("ol", *map(_full, remarks), class_="findings") if remarks else None,
            tag("p", f"… {left_out} more; `mappedram check` lists all") if left_out > 0 else None,
            *_verdicts(report),
        )
    )


def referred(remarks: Sequence[Remark]) -> set[str]:
    """The numbers of the clauses that `findings` refers to."""
    return {RULES[remark.finding.code].clause for remark in remarks}


def brief(remark: Remark) -> Markup:
    """A finding on one line, at its place in the file."""
    finding = remark.finding
    code = tag("a", finding.code, href=f"#f{remark.number}")
    at = finding.offset  # where the bar marks it
    return tag(
        "p",
        code,
        f" {cut(finding.message, _MESSAGE_SHOWN)}",
        class_=f"finding {finding.severity}",
        data_at=at,
    )


def _full(remark: Remark) -> Markup:
    finding = remark.finding
    rule = RULES[finding.code]
    where = "no offset" if finding.offset is None else f"{finding.offset:#x}"
    if remark.entry:
        where = tag("a", where, href=f"#r{remark.entry.number}")
    return tag(
        "li",
        tag(
            "p",
            tag("b", f"{finding.code} {finding.name}"),
            " ",
            tag("span", finding.severity, class_=f"badge {finding.severity}"),
        ),
        tag("p", cut(finding.message, _MESSAGE_SHOWN)),
        tag("p", where, " ", tag("code", finding.path), class_="path"),
        tag(
            "p",
            tag("b", "What to do: "),
            clauses.prose(cut(finding.remedy, _MESSAGE_SHOWN)),
            class_="remedy",
        ),
        tag(
            "details",
            tag("summary", "Why it matters"),
            tag(
                "p",
                clauses.prose(rule.why),
                " Clause ",
                clauses.links([rule.clause]),
                f". QEMU: {rule.qemu}.",
            ),
        ),
        id=f"f{remark.number}",
        class_=f"finding {finding.severity}",
    )


def _verdicts(report: Report) -> list[Markup]:
    if not report.qemu:
        return []
    return [
        tag("h3", "Loading it"),
        tag("ul", *(tag("li", line) for line in lines(report)), class_="verdicts"),
    ]
