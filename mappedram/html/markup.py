"""HTML as text. Whatever is not markup yet is escaped, so that no name in a file becomes any."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from mappedram.printable import printable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = str | None
Attribute: TypeAlias = str | float | None

#: Elements without content, which have no end tag.
_VOID = {"meta", "input"}


def text(value: str) -> Markup:
    """`value` as it is read: escaped, with escapes for what cannot be printed; markup stays."""
    return value if isinstance(value, Markup) else Markup(escape(printable(value)))


def cut(value: str, length: int) -> str:
    """At most `length` characters: names in a file are as long as their writer likes."""
    return value if len(value) <= length else f"{value[:length]} …"


def join(children: Iterable[Child], between: str = "") -> Markup:
    """The children one behind the other; None is left out."""
    parts = (text(child) for child in children if child is not None)
    return Markup(text(between).join(parts))


def lines(rows: Iterable[Child]) -> Markup:
    """A line for each child."""
    return Markup("\n".join(text(row) for row in rows if row is not None))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element.

    Args:
        name: `p`, `details`, ...
        children: what is in it; text is escaped, None left out.
        attributes: by name, with `_` for `-` and at the end of names that Python has taken; True
            stands for an attribute without a value, None and False for no attribute.
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
