"""`mappedram explain`: explain a code, an erratum, a clause, or a message of QEMU or libvirt."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from mappedram.check import RULES, Rule, find
from mappedram.check.libvirt_messages import LibvirtMessage, find_libvirt_message
from mappedram.cli import output
from mappedram.cli.completing import complete_names
from mappedram.cli.markdown import rendered
from mappedram.cli.options import epilog, output_option
from mappedram.cli.status import FINE, UNFINISHED
from mappedram.format.specification import Clause, ClauseSection, Erratum, clauses, errata, sections
from mappedram.qemu.loader import RELEASES
from mappedram.qemu.loader.messages import Cause, causes
from mappedram.view.text import table


@dataclass(frozen=True)
class _Page:
    """The explanation of one name.

    Attributes:
        heading: the name, with its title or severity.
        parts: titles and paragraphs in Markdown.
        document: the same for JSON.
    """

    heading: str
    parts: tuple[tuple[str, str], ...]
    document: dict[str, Any]


@click.command(
    "explain",
    short_help="Explain a code of `check`, a clause, or a message of QEMU or libvirt.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram explain\n"
        "  mappedram explain MR201\n"
        "  mappedram explain E-028\n"
        "  mappedram explain 4.2.7\n"
        '  mappedram explain "Error reading dirty bitmap"\n'
        '  mappedram explain "save image is incomplete"',
        "Exit status:\n  0   success\n  1   unknown message\n  64  unknown name, or usage error",
    ),
)
@click.argument("name", required=False, shell_complete=complete_names)
@output_option
def command(name: str | None, form: str) -> int:
    """Explain a rule of `mappedram check`: what it checks, why, and what to do about a file.

    Also shows the clause of the specification, and known defects of programs that write such
    files. NAME is the code of a rule, the code of an erratum (E-028), or the number of a clause
    (4.2.7) or section (4.2) of spec/format.md. Without NAME, list all rules.

    NAME can also be the message that QEMU printed when it refused to load a file: one line or
    several, or only the beginning. The possible causes are listed then. For a message of `virsh
    restore`, the next step is shown.
    """
    if name is None:
        _list(form)
        return FINE
    if " " in name.strip():
        return _explain_words(name, form)
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
        f"no rule, erratum or clause is named {name!r}; `mappedram explain` lists the rules,"
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


def _of_section(section: ClauseSection) -> _Page:
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
        "defect": rule.defect,
        "summary": rule.summary,
        "why": rule.why,
        "remedy": rule.remedy,
        "clause": rule.clause,
        "errata": rule.errata,
        "qemu": rule.qemu,
    }


def _explain_words(text: str, form: str) -> int:
    """List the possible causes of a message of QEMU, or tell the one of a message of libvirt."""
    message = find_libvirt_message(text)
    found = causes(message.words if message else text)
    if form == "json":
        told = message and asdict(message)
        shown = {"words": text, "causes": [_cause(cause) for cause in found], "libvirt": told}
        output.write_json(shown, levels=2)
    else:
        if message:
            _show_message(message)
        if message and found:
            output.line("")
        _show_causes(found)
    if found or message:
        return FINE
    output.note(
        f"{text!r}: not a known message of QEMU 9.0 or later, or of libvirt, about loading a file;"
        " give the first line of QEMU's output, which is the most specific one"
    )
    return UNFINISHED


def _show_message(message: LibvirtMessage) -> None:
    output.line(output.styled(f'libvirt: "{message.words}"', "bold"))
    for title, text in (("Why", message.cause), ("What to do", message.remedy)):
        output.line(f"\n{output.styled(title, 'bold')}")
        for row in rendered(text, "  "):
            output.line(row)
    if message.codes:
        output.line("\nsee: " + ", ".join(f"mappedram explain {code}" for code in message.codes))


def _show_causes(found: Sequence[Cause]) -> None:
    """Rule by rule, with QEMU's message for each cause."""
    codes = dict.fromkeys(cause.ending.code for cause in found)
    for code in codes:
        mine = [cause for cause in found if cause.ending.code == code]
        name, summary, _ = _reason(code)
        outcomes = " or ".join(dict.fromkeys(cause.ending.outcome for cause in mine))
        output.line(output.styled(f"{code} {name}: QEMU {outcomes} the file", "bold"))
        output.line(f"  {summary}")
        for cause in mine:
            if cause.words is not None:
                output.line(f'  {_span(cause.releases)}: "{cause.words}"')
            elif len(cause.releases) < len(RELEASES):
                output.line(f"  {_span(cause.releases)}: no message of its own")
    if codes:
        output.line("see: " + ", ".join(f"mappedram explain {code}" for code in codes))


def _span(releases: Sequence[str]) -> str:
    """A range of consecutive releases."""
    first, last = releases[0], releases[-1]
    return first if first == last else f"{first} to {last}"


def _cause(cause: Cause) -> dict[str, Any]:
    name, summary, remedy = _reason(cause.ending.code)
    return {
        "code": cause.ending.code,
        "name": name,
        "outcome": cause.ending.outcome,
        "words": cause.words,
        "releases": list(cause.releases),
        "summary": summary,
        "remedy": remedy,
    }


def _reason(code: str) -> tuple[str, str, str]:
    """Name, defect and remedy of a rule, or of an erratum where QEMU is at fault."""
    if code in RULES:
        rule = RULES[code]
        return rule.name, rule.defect, rule.remedy
    card = errata()[code]
    return card.name, card.fields["In the file"], card.fields["Remedy"]


def _list(form: str) -> None:
    if form == "json":
        output.write_json([_as_dict(rule) for rule in RULES.values()], levels=1)
        return
    header = ("code", "severity", "name", "defect")
    rows = [(r.code, r.severity, r.name, r.defect) for r in RULES.values()]
    for text in table(header, rows, columns=output.width()):
        output.line(text)


def _show(page: _Page) -> None:
    output.line(output.styled(page.heading, "bold"))
    for title, text in page.parts:
        output.line(f"\n{output.styled(title, 'bold')}")
        for row in rendered(text, "  "):
            output.line(row)
