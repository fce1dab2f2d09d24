"""`mappedram explain`: what a code of `mappedram check` means."""

import textwrap
from typing import Any

import click

from mappedram.check import RULES, Rule, find
from mappedram.cli import output
from mappedram.cli.options import epilog, output_option
from mappedram.cli.status import FINE
from mappedram.cli.text import table

_WIDTH = 88


@click.command(
    "explain",
    short_help="What a code of `check` means.",
    epilog=epilog(
        "Examples:\n  mappedram explain\n  mappedram explain MR201",
        "Exit status:\n  0   explained\n  64  there is no such code, or wrong usage",
    ),
)
@click.argument("code", required=False)
@output_option
def command(code: str | None, form: str) -> int:
    """Explain a rule of `mappedram check`: what it looks for, why, and where that is written.

    Without CODE, list all rules.
    """
    if code is None:
        _list(form)
        return FINE
    rule = _find(code)
    if form == "json":
        output.write_json(_as_dict(rule))
    else:
        _show(rule)
    return FINE


def _find(code: str) -> Rule:
    try:
        return find(code.upper())
    except KeyError:
        raise click.UsageError(
            f"no rule has the code {code!r}; `mappedram explain` lists all"
        ) from None


def _as_dict(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "why": rule.why,
        "clause": rule.clause,
        "qemu": rule.qemu,
    }


def _list(form: str) -> None:
    if form == "json":
        output.write_json([_as_dict(rule) for rule in RULES.values()], levels=1)
        return
    header = ("code", "severity", "name", "summary")
    for text in table(header, [(r.code, r.severity, r.name, r.summary) for r in RULES.values()]):
        output.line(text)


def _show(rule: Rule) -> None:
    output.line(f"{output.styled(f'{rule.code} {rule.name}', 'bold')} ({rule.severity})")
    for title, text in (
        ("Checks", rule.summary),
        ("Why", rule.why),
        ("Clause", f"{rule.clause} of spec/format.md"),
        ("QEMU", rule.qemu),
    ):
        output.line(f"\n{output.styled(title, 'bold')}")
        # Names such as `suppress-vmdesc` stay whole.
        for row in textwrap.wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False):
            output.line(f"  {row}")
