"""The rooms of the package: its folders, their docstrings, and the imports between them.

The docstring of a room ends with "Imports: …". `tests/test_structure.py` compares that with the
actual imports, and the site draws the rooms from it.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mappedram"

#: End of the docstring of a room: its permitted imports.
_IMPORTS = re.compile(r"\nImports: ([a-z_,\s]+)\.")


def name_of(path: Path) -> str:
    """Name of a module for imports."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


#: All modules of the package by their names.
MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
#: The `__init__.py` of each room, by the name of the room.
ROOMS = {path.parent.name: path for path in sorted(PACKAGE.glob("*/__init__.py"))}


def imports(name: str) -> set[str]:
    """The modules of the package that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {one for one in found if one.split(".")[0] == "mappedram"}
    return {_module(one) for one in inside} - {name}


def _module(name: str) -> str:
    """The module of that name."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def room(name: str) -> str:
    """The room of a module. A module of the package itself is a room of its own."""
    return name.split(".")[1] if "." in name else "__init__"


def docstring(path: Path) -> str:
    """The docstring of a file.

    Raises:
        ValueError: it has none.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{path}: expected a docstring")
    return text


def sentence(path: Path) -> str:
    """The first sentence of the docstring of a file, on one line."""
    first = docstring(path).partition("\n\n")[0]
    return re.split(r"(?<=\.)\s", " ".join(first.split()), maxsplit=1)[0]


def allowed(name: str) -> set[str]:
    """The rooms and modules that a room may import, by its docstring.

    Raises:
        ValueError: the docstring does not say it.
    """
    told = _IMPORTS.search(docstring(ROOMS[name]))
    if not told:
        raise ValueError(f"mappedram/{name}/__init__.py: expected 'Imports: …' in its docstring")
    return {one.strip() for one in told[1].split(",")}


def used() -> dict[str, set[str]]:
    """The rooms that each room imports, from the lowest room to the highest."""
    graph = {name: allowed(name) & ROOMS.keys() for name in ROOMS}
    # Sort: the order of a set differs between runs.
    order = TopologicalSorter({name: sorted(below) for name, below in graph.items()})
    return {name: graph[name] for name in order.static_order()}


def direct(graph: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """The same graph without the edges that follow from others."""
    return {
        name: {one for one in below if not any(one in reached(graph, other) for other in below)}
        for name, below in graph.items()
    }


def reached(graph: Mapping[str, Iterable[str]], name: str) -> set[str]:
    """All rooms that a room imports, directly or through other rooms."""
    below = set(graph[name])
    return below.union(*(reached(graph, one) for one in below))
