"""Names that somebody typed and the file does not have: one message, and one exit status."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import translate
from typing import TypeVar

import click

from mappedram.printable import printable

T = TypeVar("T")

#: More names than this are not listed.
_LISTED_MAX = 24


def no_such(kind: str, name: str, known: Iterable[str]) -> click.UsageError:
    """The error for a name that is none of those known.

    Args:
        kind: what it should be the name of, such as `block`.
        name: what was typed.
        known: the names there are.
    """
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, 1)
    guess = f" Did you mean {printable(near[0])!r}?" if near else ""
    return click.UsageError(f"no {kind} {printable(name)!r}; there is {_listed(names)}.{guess}")


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    shown = ", ".join(map(printable, names[:_LISTED_MAX]))
    more = len(names) - _LISTED_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def matching(
    kind: str,
    patterns: Sequence[str],
    items: Sequence[T],
    names: Callable[[T], Sequence[str]],
) -> list[T]:
    """The items one of whose names is like a pattern, in which * and ? stand for anything.

    Args:
        kind: what the patterns should be like the name of, such as `device`.
        patterns: none for all items.
        items: in their order.
        names: the names of an item; the first is that for messages.

    Raises:
        UsageError: no item is like one of the patterns.
    """
    found: list[set[int]] = []
    for pattern in patterns:
        # Brackets stand in names, and mean themselves.
        glob = re.compile(translate(pattern.replace("[", "[[]")))
        found.append({n for n, item in enumerate(items) if any(map(glob.match, names(item)))})
        if not found[-1]:
            raise no_such(kind, pattern, (names(item)[0] for item in items))
    chosen = set.union(*found) if found else set(range(len(items)))
    return [item for number, item in enumerate(items) if number in chosen]
