"""The page on architecture has every room, and its table names existing files."""

import re
from collections.abc import Mapping
from itertools import product
from xml.etree import ElementTree

import pytest

from tools import rooms
from tools.docs import architecture, site

PAGE = architecture.with_rooms((site.DOCS / "architecture.md").read_text(encoding="utf-8"))
USED = rooms.used()
#: A row of the table: the change, its places, and the number of files.
ROW = re.compile(r"^\| (?!change|-)(.*?) \| (.*?) \| (\d+)(?: .*?)? \| .* \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)


def test_every_room_is_on_the_page() -> None:
    assert re.findall(r"^### `mappedram/(\w+)/`$", PAGE, re.MULTILINE) == list(USED)
    assert set(re.findall(r'<a href="#room-(\w+)">', PAGE)) == rooms.ROOMS.keys()
    for name, path in rooms.ROOMS.items():
        assert f'<a id="room-{name}"></a>' in PAGE
        assert rooms.sentence(path) in PAGE.partition("## The rooms")[2].replace("\n", " ")
    folders = {path.parent.relative_to(rooms.PACKAGE) for path in rooms.PACKAGE.glob("*/*/*.py")}
    assert {f"{one}/" for one in folders if (rooms.PACKAGE / one / "__init__.py").exists()} == set(
        re.findall(r"^- `(\w+/\w+/)`: ", PAGE, re.MULTILINE)
    )


def test_a_room_comes_behind_those_that_it_imports() -> None:
    order = list(USED)
    for name, below in USED.items():
        assert all(order.index(one) < order.index(name) for one in below)


def test_the_drawing_is_one() -> None:
    drawing = ElementTree.fromstring(architecture.picture(USED))
    width, height = map(float, drawing.attrib["viewBox"].split()[2:])
    boxes = list(drawing.iter("rect"))
    assert len(boxes) == len(drawing.findall("a")) + 1, "and the ground"
    for box in boxes:
        assert 0 < float(box.attrib["x"]) + float(box.attrib["width"]) < width
        assert 0 < float(box.attrib["y"]) + float(box.attrib["height"]) < height
    titles = {title.text for title in drawing.iter("title")}
    assert titles == {rooms.sentence(path) for path in rooms.ROOMS.values()}
    assert width <= 400, "as wide as a telephone can show with readable letters"


Graph = Mapping[str, set[str]]
GRAPHS: dict[str, Graph] = {
    "chain": {"a": set(), "b": {"a"}, "c": {"a", "b"}},
    "diamond": {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}},
    "step": {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"a"}, "e": {"c", "d"}},
    # Two of e, f, g use each of b, c, d: no order of columns keeps all rooms in one piece.
    "crossing": {
        "a": set(),
        "b": {"a"},
        "c": {"a"},
        "d": {"a"},
        "e": {"b", "c"},
        "f": {"c", "d"},
        "g": {"b", "d"},
    },
    "package": USED,
}


def cells(found: list[architecture.Brick]) -> dict[tuple[int, int], str]:
    """The room drawn at each column and row; nothing overlaps."""
    drawn: dict[tuple[int, int], str] = {}
    for brick in found:
        for cell in product(range(*brick.columns), range(*brick.rows)):
            assert cell not in drawn
            drawn[cell] = brick.room
    return drawn


@pytest.mark.parametrize("name", GRAPHS)
def test_rooms_stand_on_what_they_import(name: str) -> None:
    """Bricks that touch import one another, and every import that is not implied is drawn."""
    graph = GRAPHS[name]
    drawn = cells(architecture.bricks(graph))
    touching = {
        (room, drawn[column, row + 1])
        for (column, row), room in drawn.items()
        if drawn.get((column, row + 1), room) != room
    }
    direct = rooms.direct(graph)
    assert touching == {(room, one) for room, below in direct.items() for one in below}
    columns, rows = (1 + max(numbers) for numbers in zip(*drawn, strict=True))
    assert len(drawn) == columns * rows, "no hole"


@pytest.mark.parametrize(("name", "pieces"), [("chain", 3), ("diamond", 4), ("step", 5)])
def test_a_room_is_one_brick(name: str, pieces: int) -> None:
    assert len(architecture.bricks(GRAPHS[name])) == pieces


def test_hardly_a_room_of_the_package_is_in_pieces() -> None:
    """Both `fleet` and `export` import `guest`, and rooms beside it: no order keeps all in one."""
    drawn = [brick.room for brick in architecture.bricks(USED)]
    assert set(drawn) == rooms.ROOMS.keys()
    assert len(drawn) <= len(rooms.ROOMS) + 2


def test_imports_that_follow_from_others_are_left_out() -> None:
    assert rooms.direct(GRAPHS["chain"]) == {"a": set(), "b": {"a"}, "c": {"b"}}


def test_the_table_has_every_kind_of_change() -> None:
    kinds = ["field", "rule", "release", "export", "verb", "device", "language", "system call"]
    kinds += ["colour", "ELF", "alignment", "capability"]
    assert len(ROWS) >= len(kinds)
    for kind in kinds:
        assert any(kind in what for what, _, _ in ROWS), kind


@pytest.mark.parametrize(("what", "where", "count"), ROWS, ids=[row[0] for row in ROWS])
def test_files_in_the_table_exist(what: str, where: str, count: str) -> None:
    named = re.findall(r"`([\w./*-]+)`", where)
    assert len(named) == int(count), what
    for name in named:
        top = name.partition("/")[0] in ("docs", "spec", "tests", "tools")
        pattern = name.replace("NAME", "*")
        assert list((rooms.ROOT if top else rooms.PACKAGE).glob(pattern)), name
