"""A page as a tree of elements, parsed by Python's own parser."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

VOID = {"meta", "input"}


@dataclass
class Node:
    """An element with its attributes and contents."""

    name: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def __getitem__(self, attribute: str) -> str:
        value = self.attributes[attribute]
        assert value is not None
        return value

    def walk(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, name: str, class_: str | None = None) -> list["Node"]:
        """The elements of a name, and of a class if one is given."""
        return [n for n in self.walk() if n.name == name and class_ in (None, *n.classes)]

    def by_id(self, wanted: str) -> "Node":
        (node,) = (n for n in self.walk() if n.attributes.get("id") == wanted)
        return node


class Page(HTMLParser):
    """Parser that refuses pages whose elements are not properly nested."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("")
        self._open = [self.root]

    @classmethod
    def of(cls, path: Path) -> Self:
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        page.close()
        assert page._open == [page.root], "an element is not closed"
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} is given twice"
        node = Node(tag, dict(attrs))
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def entries(root: Node) -> list[Node]:
    """The regions of the listing."""
    (listing,) = root.all("div", "listing")
    return [child for child in listing.children if isinstance(child, Node)]
