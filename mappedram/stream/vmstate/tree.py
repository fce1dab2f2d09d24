"""The decoded state as a tree; each node has its place in the file. Paths in the tree.

A path joins names with dots and numbers elements of arrays: `env.segs[1].selector`. QEMU's names
can contain dots and brackets, and in `i8254` the name of one field equals the path of another:
`channels[0].next_transition_time`. An ambiguous path means the inner field; quotes select the field
of that name: `'channels[0].next_transition_time'`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mappedram.stream.vmstate.values import Scalar, Value

#: Name of an artificial field for bytes that the description does not cover.
REST = "(rest)"

_INDEX = re.compile(r"\[([0-9]{1,18})\]")


@dataclass(frozen=True, slots=True)
class Leaf:
    """Bytes of one value.

    With `framing`, the value is not a field but separates others: the header of a subsection (its
    version), the mark before an element of a list, the number of elements.
    """

    type: str
    offset: int
    length: int
    value: Scalar
    framing: bool = False

    @property
    def end(self) -> int:
        """First byte after the leaf."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Array:
    """Elements of an array or list, in order."""

    type: str
    offset: int
    length: int
    items: tuple["Node", ...]
    framing: tuple[Leaf, ...] = ()

    @property
    def end(self) -> int:
        """First byte after the array."""
        return self.offset + self.length

    @property
    def value(self) -> list[Value]:
        """The values of the elements."""
        return [item.value for item in self.items]


@dataclass(frozen=True, slots=True)
class Struct:
    """Fields and subsections by name, with QEMU's `name` and `version` of the struct."""

    type: str
    offset: int
    length: int
    name: str
    version: int | None
    fields: Mapping[str, "Node"]
    subsections: Mapping[str, "Struct"] = field(default_factory=dict)
    framing: tuple[Leaf, ...] = ()

    @property
    def end(self) -> int:
        """First byte after the struct."""
        return self.offset + self.length

    @property
    def value(self) -> dict[str, Value]:
        """Values of fields and subsections; each subsection is under its name."""
        children = {**self.subsections, **self.fields}
        return {name: node.value for name, node in children.items()}

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Fields and subsections in the order of the file, each with its step of a path."""
        children = (*self.fields.items(), *self.subsections.items())
        for name, node in sorted(children, key=lambda child: child[1].offset):
            yield (f"'{name}'" if self._is_ambiguous(name) else name), node

    def _is_ambiguous(self, name: str) -> bool:
        """Whether the name could be a path into another field."""
        return not name or any(
            mark in ".[" and (name[:index] in self.fields or name[:index] in self.subsections)
            for index, mark in enumerate(name)
        )


Node: TypeAlias = Leaf | Array | Struct


def leaves(node: Node, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """All leaves of `node` with paths, in the order of the file; framing has its owner's path.

    The leaves are adjacent, without gaps.
    """
    if isinstance(node, Leaf):
        yield path, node
    elif isinstance(node, Array):
        parts: list[tuple[str, Node]] = [(path, mark) for mark in node.framing]
        parts += [(f"{path}[{index}]", item) for index, item in enumerate(node.items)]
        for place, part in sorted(parts, key=lambda part: part[1].offset):
            yield from leaves(part, place)
    else:
        for header in node.framing:
            yield path, header
        for step, child in node.children():
            yield from leaves(child, f"{path}.{step}" if path else step)


def find(node: Node, path: str) -> Node | None:
    """The node at `path` below `node`; None if there is none."""
    if not path:
        return node
    if isinstance(node, Leaf):
        return None
    if isinstance(node, Array):
        match = _INDEX.match(path)
        rest = _behind(path, match[0]) if match else None
        if match is None or rest is None or int(match[1]) >= len(node.items):
            return None
        return find(node.items[int(match[1])], rest)
    candidates = {**node.subsections, **node.fields}
    # Shortest name first, so that an inner field takes precedence.
    for name in sorted(candidates, key=len):
        for step in (f"'{name}'", name):
            rest = _behind(path, step)
            found = find(candidates[name], rest) if rest is not None else None
            if found is not None:
                return found
    return None


def _behind(path: str, step: str) -> str | None:
    """The rest of a path after its first step; None if the path does not begin with `step`."""
    rest = path[len(step) :]
    if not step or not path.startswith(step) or rest == ".":
        return None
    return rest.removeprefix(".") if rest[:1] in ("", ".", "[") else None
