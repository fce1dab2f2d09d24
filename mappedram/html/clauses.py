"""Clauses of the specification: links to them, and their text for a self-contained page."""

import re
from collections.abc import Iterable

from mappedram.format.specification import clauses
from mappedram.html._clauses import FIELDS
from mappedram.html.markup import Markup, join, tag, text
from mappedram.view.fields import ShownField

_MARKDOWN = re.compile(r"`([^`]+)`|\[([^]]+)\]\([^)]*\)|\b_([^_]+)_\b")


def of_field(field: ShownField) -> tuple[str, ...]:
    """The numbers of the clauses about a field."""
    return FIELDS.get((field.kind, field.name), ())


def links(numbers: Iterable[str]) -> Markup:
    """A link to each clause."""
    return join((tag("a", number, href=f"#c-{number}") for number in numbers), " ")


def listing(numbers: Iterable[str]) -> Markup:
    """The text of the clauses, in the order of the specification."""
    ordered = sorted(set(numbers) & clauses().keys(), key=_position)
    return tag(
        "dl",
        *(
            join((tag("dt", number, id=f"c-{number}"), tag("dd", prose(clauses()[number].first))))
            for number in ordered
        ),
        class_="clauses",
    )


def _position(number: str) -> list[int]:
    return [int(part) for part in number.split(".")]


def prose(markdown: str) -> Markup:
    """Markup of a clause: code, link texts, emphasis."""
    pieces, end = [], 0
    for match in _MARKDOWN.finditer(markdown):
        code, link, emphasis = match.groups()
        pieces.append(text(markdown[end : match.start()]))
        pieces.append(
            tag("code", code) if code else tag("em", emphasis) if emphasis else text(link)
        )
        end = match.end()
    return join([*pieces, text(markdown[end:])])
