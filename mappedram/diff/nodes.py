"""Compare two decoded trees of fields."""

from collections.abc import Iterator
from typing import NamedTuple

from mappedram.diff.differences import Side
from mappedram.stream.vmstate import Array, Leaf, LeftOut, Node, Scalar, Struct, Undecoded, Value


class NodeUnknown(NamedTuple):
    """A path that cannot be compared, and the side on which it was left out."""

    path: str
    side: Side


class NodeDifference(NamedTuple):
    """A difference at a path; None for the side that has nothing there."""

    path: str
    a: Value
    b: Value
    side: Side


#: One result of comparing two trees.
NodeFinding = NodeDifference | NodeUnknown


def compare_nodes(a: Node, b: Node, path: str = "") -> Iterator[NodeFinding]:
    """Yield differing leaf fields, and whole fields that only one side has.

    Fields that a metadump left out are neither equal nor different. An array that was left out
    completely is reported once.
    """
    unknown = _left_out(a, b)
    if unknown is not None:
        yield NodeUnknown(path, unknown)
    elif isinstance(a, Struct) and isinstance(b, Struct):
        yield from _compare_structs(a, b, path)
    elif isinstance(a, Array) and isinstance(b, Array):
        yield from _compare_arrays(a, b, path)
    elif isinstance(a, Leaf) and isinstance(b, Leaf):
        if _content(a.value) != _content(b.value):
            yield NodeDifference(path, a.value, b.value, "both")
    else:
        yield NodeDifference(path, a.value, b.value, "both")


def _left_out(a: Node, b: Node) -> Side | None:
    """Which of two nodes a metadump left out; None if neither."""
    return side_of(*(isinstance(one, Leaf) and isinstance(one.value, LeftOut) for one in (a, b)))


def side_of(in_a: bool, in_b: bool) -> Side | None:
    """The side or sides that have something; None for neither."""
    sides: dict[tuple[bool, bool], Side] = {
        (True, True): "both",
        (True, False): "a",
        (False, True): "b",
    }
    return sides.get((in_a, in_b))


def _compare_arrays(a: Array, b: Array, path: str) -> Iterator[NodeFinding]:
    found: list[NodeFinding] = []
    count = max(len(a.items), len(b.items))
    for index in range(count):
        place = f"{path}[{index}]"
        found += _compare_maybe(_at(a, index), _at(b, index), place)
    sides = {one.side if isinstance(one, NodeUnknown) else None for one in found}
    side = sides.pop() if len(sides) == 1 and len(found) == count else None
    if side is None:
        yield from found
    else:
        yield NodeUnknown(path, side)


def _compare_structs(a: Struct, b: Struct, path: str) -> Iterator[NodeFinding]:
    unknown = side_of(*(isinstance(_version(one), LeftOut) for one in (a, b)))
    if unknown is not None:
        yield NodeUnknown(f"{path}.(version)", unknown)
    elif _version(a) != _version(b):
        yield NodeDifference(f"{path}.(version)", _version(a), _version(b), "both")
    fields, others = dict(a.children()), dict(b.children())
    for step in {**fields, **others}:
        place = f"{path}.{step}" if path else step
        yield from _compare_maybe(fields.get(step), others.get(step), place)


def _compare_maybe(a: Node | None, b: Node | None, path: str) -> Iterator[NodeFinding]:
    if a is not None and b is not None:
        yield from compare_nodes(a, b, path)
    elif a is not None:
        yield NodeDifference(path, a.value, None, "a")
    elif b is not None:
        yield NodeDifference(path, None, b.value, "b")


def _content(value: Scalar) -> Scalar:
    """Value of a node, without the reason why bytes could not be decoded."""
    return value.data if isinstance(value, Undecoded) else value


def _at(array: Array, index: int) -> Node | None:
    return array.items[index] if index < len(array.items) else None


def _version(struct: Struct) -> Scalar:
    """Version in front of a subsection; other structs have none in the stream."""
    return struct.framing[0].value if struct.framing else None
