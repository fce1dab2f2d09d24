"""`mappedram explain`: what a code of `mappedram check`, an erratum or a clause says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from mappedram.check import RULES, Rule, find
from mappedram.cli import output
from mappedram.cli.markdown import rendered
from mappedram.cli.options import epilog, output_option
from mappedram.cli.status import FINE
from mappedram.cli.text import table
from mappedram.specification import Clause, Erratum, Section, clauses, errata, sections


@dataclass(frozen=True)
class _Page:
    """What is told of one name.

    Attributes:
        heading: the name, and what stands beside it.
        parts: paragraphs in Markdown, each with its title.
        document: the same for programs.
    """

    heading: str
    parts: tuple[tuple[str, str], ...]
    document: dict[str, Any]


@click.command(
    "explain",
    short_help="What a code of `check` means, and what to do.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram explain\n"
        "  mappedram explain MR201\n"
        "  mappedram explain E-028\n"
        "  mappedram explain 4.2.7",
        "Exit status:\n  0   explained\n  64  there is no such name, or wrong usage",
    ),
)
@click.argument("name", required=False)
@output_option
def command(name: str | None, form: str) -> int:
    """Explain a rule of `mappedram check`: what it looks for, why, and what to do about a file.

    The clause of the specification follows, and known defects of programs that lead to such
    files. NAME can be the code of a rule, of an erratum (E-028), or the number of a clause (4.2.7)
    or section (4.2) of spec/format.md. Without NAME, list all rules.
    """
    if name is None:
        _list(form)
        return FINE
    page = _page(name)
    if form == "json":
        output.write_json(page.document)
    else:
        _show(page)
    return FINE


def _page(name: str) -> _Page:
    ways: tuple[Callable[[str], _Page], ...] = (
        lambda name: _of_rule(find(name.upper())),
        lambda name: _of_erratum(errata()[name.upper()]),
        lambda name: _of_clause(clauses()[name]),
        lambda name: _of_section(sections()[name]),
    )
    for way in ways:
        try:
            return way(name)
        except KeyError:
            continue
    raise click.UsageError(
        f"no rule, erratum or clause has the name {name!r}; `mappedram explain` lists the rules,"
        " `mappedram spec errata.md` the errata"
    )


def _of_rule(rule: Rule) -> _Page:
    clause = clauses()[rule.clause]
    cards = [errata()[code] for code in rule.errata]
    texts = {clause.number: clause.text} | {card.code: _listed(card) for card in cards}
    return _Page(
        f"{rule.code} {rule.name} ({rule.severity})",
        (
            ("Checks", rule.summary),
            ("Why", rule.why),
            ("What to do", rule.remedy),
            ("QEMU", rule.qemu),
            (f"Clause {clause.number} of spec/format.md", clause.text),
            *((f"Erratum {card.code} {card.name}", _listed(card)) for card in cards),
        ),
        _as_dict(rule) | {"texts": texts},
    )


def _listed(card: Erratum) -> str:
    return "\n".join(f"- **{title}:** {text}" for title, text in card.fields.items())


def _of_erratum(card: Erratum) -> _Page:
    rules = [rule.code for rule in RULES.values() if card.code in rule.errata]
    fields = {title.lower().replace(" ", "_"): text for title, text in card.fields.items()}
    return _Page(
        f"{card.code} {card.name}",
        (*card.fields.items(), *_rules(rules)),
        {"code": card.code, "name": card.name, **fields, "rules": rules},
    )


def _of_clause(clause: Clause) -> _Page:
    rules = [rule.code for rule in RULES.values() if rule.clause == clause.number]
    section = sections()[clause.section]
    return _Page(
        f"{clause.number} of spec/format.md",
        ((f"{section.number} {section.heading}", clause.text), *_rules(rules)),
        {
            "clause": clause.number,
            "section": section.number,
            "heading": section.heading,
            "text": clause.text,
            "rules": rules,
        },
    )


def _of_section(section: Section) -> _Page:
    inner = [s for s in sections().values() if s.number.startswith(f"{section.number}.")]
    listed = "\n".join(f"- {s.number} {s.heading}" for s in inner)
    text = f"{section.text}\n\n{listed}".strip()
    return _Page(
        f"{section.number} of spec/format.md",
        ((section.heading, text),),
        {"section": section.number, "heading": section.heading, "text": text},
    )


def _rules(codes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    shown = ", ".join(f"{code} {RULES[code].name}" for code in codes)
    return (("Rules", shown),) if shown else ()


def _as_dict(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "why": rule.why,
        "remedy": rule.remedy,
        "clause": rule.clause,
        "errata": rule.errata,
        "qemu": rule.qemu,
    }


def _list(form: str) -> None:
    if form == "json":
        output.write_json([_as_dict(rule) for rule in RULES.values()], levels=1)
        return
    header = ("code", "severity", "name", "summary")
    for text in table(header, [(r.code, r.severity, r.name, r.summary) for r in RULES.values()]):
        output.line(text)


def _show(page: _Page) -> None:
    output.line(output.styled(page.heading, "bold"))
    for title, text in page.parts:
        output.line(f"\n{output.styled(title, 'bold')}")
        for row in rendered(text, "  "):
            output.line(row)
