"""Names that somebody typed and the file does not have: one message, and one exit status."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import translate

import click

from mappedram.printable import printable

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


def globs(patterns: Sequence[str]) -> list[re.Pattern[str]]:
    """Patterns in which * and ? stand for anything; brackets, which names have, mean themselves."""
    return [re.compile(translate(pattern.replace("[", "[[]"))) for pattern in patterns]
