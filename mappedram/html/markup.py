"""Build HTML text. All text is escaped unless it is markup, so names in a file are never markup."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from mappedram.printable import printable


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


Child: TypeAlias = str | None
Attribute: TypeAlias = str | float | None

#: Elements without content, which have no end tag.
_VOID = {"meta", "input"}


def text(value: str) -> Markup:
    """Escape `value` for display, and characters that cannot be printed; markup stays."""
    return value if isinstance(value, Markup) else Markup(escape(printable(value)))


def cut(value: str, length: int) -> str:
    """Cut a text to `length` characters: names in a file can have any length."""
    return value if len(value) <= length else f"{value[:length]} …"


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Join the children; None is left out."""
    parts = (text(child) for child in children if child is not None)
    return Markup(text(between).join(parts))


def lines(rows: Iterable[Child]) -> Markup:
    """Put each child on a line."""
    return Markup("\n".join(text(row) for row in rows if row is not None))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Build an element.

    Args:
        name: `p`, `details`, ...
        children: the content; text is escaped, None left out.
        attributes: by name, with `_` for `-` and at the end of Python keywords; True stands for an
            attribute without a value, None and False for no attribute.
    """
    opening = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
