"""Two decoded trees of fields side by side."""

from collections.abc import Iterator
from typing import NamedTuple

from mappedram.diff.differences import Side
from mappedram.vmstate import Array, Leaf, Node, Scalar, Struct, Undecoded, Value


class NodeDifference(NamedTuple):
    """What differs at a path; None for the side that has nothing there."""

    path: str
    a: Value
    b: Value
    side: Side


def compare_nodes(a: Node, b: Node, path: str = "") -> Iterator[NodeDifference]:
    """The innermost fields that differ, and whole ones that only one side has."""
    if isinstance(a, Struct) and isinstance(b, Struct):
        yield from _compare_structs(a, b, path)
    elif isinstance(a, Array) and isinstance(b, Array):
        for index in range(max(len(a.items), len(b.items))):
            place = f"{path}[{index}]"
            yield from _compare_maybe(_at(a, index), _at(b, index), place)
    elif isinstance(a, Leaf) and isinstance(b, Leaf):
        if _content(a.value) != _content(b.value):
            yield NodeDifference(path, a.value, b.value, "both")
    else:
        yield NodeDifference(path, a.value, b.value, "both")


def _compare_structs(a: Struct, b: Struct, path: str) -> Iterator[NodeDifference]:
    if _version(a) != _version(b):
        yield NodeDifference(f"{path}.(version)", _version(a), _version(b), "both")
    fields, others = dict(a.children()), dict(b.children())
    for step in {**fields, **others}:
        place = f"{path}.{step}" if path else step
        yield from _compare_maybe(fields.get(step), others.get(step), place)


def _compare_maybe(a: Node | None, b: Node | None, path: str) -> Iterator[NodeDifference]:
    if a is not None and b is not None:
        yield from compare_nodes(a, b, path)
    elif a is not None:
        yield NodeDifference(path, a.value, None, "a")
    elif b is not None:
        yield NodeDifference(path, None, b.value, "b")


def _content(value: Scalar) -> Scalar:
    """Why bytes could not be decoded is no part of them."""
    return value.data if isinstance(value, Undecoded) else value


def _at(array: Array, index: int) -> Node | None:
    return array.items[index] if index < len(array.items) else None


def _version(struct: Struct) -> Scalar:
    """The version in front of a subsection; other structs have none in the stream."""
    return struct.framing[0].value if struct.framing else None
