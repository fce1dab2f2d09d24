"""The Markdown of the specification as plain text: no anchors, no links, tables in columns.

Rich would shorten long names in tables and drop the quotes of code: `.` and `..` vanish in prose.
"""

import re
import textwrap
from collections.abc import Iterator

from mappedram.cli import output
from mappedram.view.text import table

_WIDTH = 88
#: The least width of a paragraph, and the deepest indent that callers give it.
_NARROWEST, _INDENT_MAX = 24, 2
#: Never shown: anchors, and comments that mark generated parts.
_HIDDEN = re.compile(r'<a id="[^"]*"></a>|<!--.*?-->', re.DOTALL)
#: Code up to its end, or lines up to an empty one.
_BLOCK = re.compile(r"^```[^\n]*\n.*?^```$|(?:^(?!```)[^\n]+(?:\n|\Z))+", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`]+`")
#: A no-break space.
_GLUE = "\xa0"
_LINK = re.compile(r"\[([^]]+)\]\([^)]*\)")
_STRONG = re.compile(r"\*\*(.+?)\*\*")
_EMPHASIS = re.compile(r"(?<![\w`])_([^_`]+)_(?![\w`])")


def rendered(markdown: str, indent: str = "") -> Iterator[str]:
    """Lines for a terminal, with an empty one between paragraphs."""
    separator = False
    for block in _BLOCK.findall(_HIDDEN.sub("", markdown)):
        if not block.strip():
            continue
        if separator:
            yield ""
        separator = True
        for row in _rows(block.strip("\n")):
            yield f"{indent}{row}".rstrip()


def _rows(block: str) -> Iterator[str]:
    first = block.lstrip()
    if first.startswith("```"):
        yield from (f"  {row}" for row in block.splitlines()[1:-1])
    elif first.startswith("|"):
        yield from _columns(block.splitlines())
    elif first.startswith("#"):
        yield output.styled(inline(first.lstrip("# ")), "bold")
    elif first.startswith("> "):
        quoted = re.sub(r"^> ?", "", block, flags=re.MULTILINE)
        yield from wrapped(quoted, "| ", "| ")
    elif first.startswith("- "):
        for item in re.split(r"^- ", block, flags=re.MULTILINE)[1:]:
            yield from wrapped(item, "- ", "  ")
    else:
        yield from wrapped(block)


def _columns(rows: list[str]) -> Iterator[str]:
    cells = [
        [
            inline(cell.strip().replace("\\|", "|"))
            for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))
        ]
        for row in rows
    ]
    header, _, *body = cells
    yield from table(header, body)


def inline(text: str) -> str:
    """Text without the markup of links and emphasis; code keeps its quotes."""
    return _EMPHASIS.sub(r"\1", _STRONG.sub(r"\1", _LINK.sub(r"\1", text)))


def _width() -> int:
    """Width of a paragraph: fixed, unless the terminal is narrower."""
    columns = output.width()
    return _WIDTH if columns is None else min(_WIDTH, max(_NARROWEST, columns - _INDENT_MAX))


def wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    """A paragraph, wrapped; code and names such as `x-colo` are not broken."""
    words = _CODE.sub(lambda match: match[0].replace(" ", _GLUE), inline(" ".join(text.split())))
    for row in textwrap.wrap(
        words,
        _width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    ):
        yield row.replace(_GLUE, " ")
