"""The drawing and the list of the rooms on the page on architecture, from the docstrings.

In the drawing, a room stands directly upon the rooms that it imports, so no arrows are needed.
Imports that follow from others are not drawn: importing `check` permits importing `stream`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, permutations, product
from textwrap import wrap

from tools import rooms

_DRAWING = "<!-- drawing: rooms -->"
_LIST = "<!-- list: rooms -->"

#: Units of the drawing: a column is as wide as the longest name of a room.
_COLUMN, _ROW, _GAP = 57, 50, 4
#: Size of a letter, and the height of a line of text.
_LETTER, _LINE = 8, 18

#: Rooms from top to bottom, each upon the next.
Column = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Brick:
    """A room, or a part of one, in the drawing; columns and rows are half-open ranges.

    Attributes:
        room: its name.
        columns: the columns that it spans.
        rows: the rows that it spans, from the top.
    """

    room: str
    columns: tuple[int, int]
    rows: tuple[int, int]


def with_rooms(page: str) -> str:
    """The page with the drawing and the list inserted."""
    if _DRAWING not in page:
        return page
    drawing = f'<div class="drawing">{picture(rooms.used())}</div>'
    return page.replace(_DRAWING, drawing).replace(_LIST, "\n".join(_listed(rooms.used())))


def picture(used: Mapping[str, set[str]]) -> str:
    """An SVG of the rooms, each with a link to its place in the list.

    Args:
        used: the rooms that each room imports.
    """
    found = bricks(used)
    width = _COLUMN * max(brick.columns[1] for brick in found)
    ground = max(brick.rows[1] for brick in found)
    drawn = [_drawn(brick) for brick in found]
    lines = wrap(", ".join(_modules()), width // _LETTER - 2)
    top, height = _ROW * ground, _ROW * ground + _LINE * len(lines) + 2 * _GAP
    drawn.append(_box((0, width), (top, height), "ground"))
    drawn += [
        f'<text x="{width / 2}" y="{top + _LINE * number}">{escape(line)}</text>'
        for number, line in enumerate(lines, 1)
    ]
    label = "Rooms of the package, each above the rooms that it imports"
    return (
        f'<svg class="rooms" role="group" aria-label="{label}"'
        f' viewBox="0 0 {width} {height}">{"".join(drawn)}</svg>'
    )


def _drawn(brick: Brick) -> str:
    (left, right), (top, bottom) = brick.columns, brick.rows
    across, down = (_COLUMN * left, _COLUMN * right), (_ROW * top, _ROW * bottom)
    middle = f'x="{sum(across) / 2}" y="{sum(down) / 2 + 4}"'
    title = rooms.sentence(rooms.ROOMS[brick.room])
    return (
        f'<a href="#room-{brick.room}"><title>{escape(title)}</title>{_box(across, down)}'
        f"<text {middle}>{brick.room}</text></a>"
    )


def _box(across: tuple[int, int], down: tuple[int, int], kind: str = "room") -> str:
    return (
        f'<rect class="{kind}" x="{across[0] + _GAP / 2}" y="{down[0] + _GAP / 2}"'
        f' width="{across[1] - across[0] - _GAP}" height="{down[1] - down[0] - _GAP}"/>'
    )


def bricks(used: Mapping[str, set[str]]) -> list[Brick]:
    """Place the rooms.

    Each column is one path from a room that nobody imports down to one that imports none. The order
    of the columns is the one that splits the fewest rooms.
    """
    below = rooms.direct(used)
    rows = _rows(below)
    orders = product(*(permutations(sorted(others)) for others in below.values()))
    arranged = (_arranged(dict(zip(below, order, strict=True)), rows) for order in orders)
    return min(arranged, key=len)


def _arranged(below: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> list[Brick]:
    """The bricks for a given order of the rooms below each one."""
    imported = {one for others in below.values() for one in others}
    columns = [column for name in below if name not in imported for column in _ways(below, name)]
    spans: list[tuple[str, tuple[int, int], int]] = []
    for number, column in enumerate(columns):
        ends = (*(rows[name] for name in column[1:]), rows[column[-1]] + 1)
        spans += [(name, (rows[name], end), number) for name, end in zip(column, ends, strict=True)]
    found = []
    # Equal neighbours in adjacent columns form one brick: column minus position is the same there.
    spans.sort()
    for (name, span, _), run in groupby(
        enumerate(spans), key=lambda item: (*item[1][:2], item[1][2] - item[0])
    ):
        numbers = [number for _, (_, _, number) in run]
        found.append(Brick(name, (numbers[0], numbers[-1] + 1), span))
    return found


def _ways(below: Mapping[str, Sequence[str]], name: str) -> Iterator[Column]:
    """All paths down from a room."""
    for other in below[name]:
        for rest in _ways(below, other):
            yield (name, *rest)
    if not below[name]:
        yield (name,)


def _rows(below: dict[str, set[str]]) -> dict[str, int]:
    """The row of each room: one below the lowest of those that import it.

    Args:
        below: the rooms below each room, from the lowest room to the highest.
    """
    rows: dict[str, int] = {}
    for name in reversed(below):
        rows[name] = 1 + max((rows[one] for one in rows if name in below[one]), default=-1)
    return rows


def _modules() -> list[str]:
    """The modules below all rooms, which belong to none."""
    return sorted(set().union(*map(rooms.allowed, rooms.ROOMS)) - rooms.ROOMS.keys())


def _listed(used: Mapping[str, set[str]]) -> Iterator[str]:
    """The docstring of each room, from the lowest to the highest, and of its folders."""
    for name in used:
        yield f'<a id="room-{name}"></a>\n\n### `mappedram/{name}/`\n'
        paragraphs = rooms.docstring(rooms.ROOMS[name]).split("\n\n")
        yield from (f"{text}\n" for text in paragraphs if not text.startswith((">>>", "Imports:")))
        folder = rooms.ROOMS[name].parent
        for path in sorted(folder.glob("*/__init__.py")):
            yield f"- `{path.parent.relative_to(rooms.PACKAGE)}/`: {rooms.sentence(path)}"
        others = ", ".join(one for one in used if one in used[name]) or "none"
        yield f"\nImports the rooms: {others}.\n"
