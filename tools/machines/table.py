"""Convert declarations to the module with the table of machine types."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from tools.machines.source import Declared

#: First and last release, and the folder of `hw`.
Span = tuple[str, str, str]

_WIDTH = 100
_MODULE = '''\
"""Machine types of QEMU, with the releases that have them. Made by `python -m tools.machines`.

Read by `machines.py`. From the source of the releases, for all targets, by what they register:

{sources}

Do not edit.
"""

#: The releases that were looked at.
RELEASES = ({releases})

#: First and last of these releases, folder of `hw` in the source of QEMU, machine types.
TABLE = """\\
{table}
"""
'''


def module(declared: Mapping[str, set[Declared]], commits: Mapping[str, str]) -> str:
    """The module with the table, from the machine types and the commit of each release."""
    sources = [f"    {release}.0  {commit}" for release, commit in commits.items()]
    releases = ", ".join(f'"{release}"' for release in declared)
    return _MODULE.format(sources="\n".join(sources), releases=releases, table=text(declared))


def text(declared: Mapping[str, set[Declared]]) -> str:
    """The table, from the machine types of each release; releases in order.

    Raises:
        ValueError: a machine type was removed and added again, which the table cannot express.
    """
    spans = _spans(declared)
    return "\n".join(line for span, names in spans.items() for line in _lines(span, names))


def _spans(declared: Mapping[str, set[Declared]]) -> dict[Span, list[str]]:
    releases = list(declared)
    found: dict[Span, list[str]] = {}
    for entry in sorted(set().union(*declared.values())):
        name, folder = entry
        having = [release for release in releases if entry in declared[release]]
        first, last = having[0], having[-1]
        if having != releases[releases.index(first) : releases.index(last) + 1]:
            raise ValueError(f"machine type {name} of hw/{folder} is in {having} only")
        found.setdefault((first, last, folder), []).append(name)
    return dict(sorted(found.items(), key=lambda item: _order(releases, item[0])))


def _order(releases: list[str], span: Span) -> tuple[str, int, int]:
    first, last, folder = span
    return folder, releases.index(first), releases.index(last)


def _lines(span: Span, names: Iterable[str]) -> Iterator[str]:
    """Rows of the table; long rows continue in another one of the same span."""
    begin = "{:5}{:5}{:11}".format(*span)
    yield from textwrap.wrap(
        " ".join(names),
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=begin,
        break_long_words=False,
        break_on_hyphens=False,
    )
