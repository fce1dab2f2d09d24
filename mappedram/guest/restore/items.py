"""The parts of a file that a QEMU must have a counterpart for: sections and RAM blocks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from mappedram.format.constants import SectionType
from mappedram.json_types import Json
from mappedram.stream.model import Stream

Kind = Literal["section", "block"]
#: Sections that load into something that the destination must have.
_LOADED = (SectionType.START, SectionType.FULL)


class Item(NamedTuple):
    """A section or a block of a file.

    Attributes:
        kind: which of the two.
        idstr: its name.
        instance_id: number among several sections of that name; 0 for a block.
    """

    kind: Kind
    idstr: str
    instance_id: int = 0

    @property
    def path(self) -> str:
        """Address of the device on a bus; empty if the name has none."""
        return self.idstr.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Name without the address."""
        return self.idstr.rpartition("/")[2]

    def __str__(self) -> str:
        number = f", instance {self.instance_id}" if self.instance_id else ""
        return f"{self.kind} {self.idstr!r}{number}"

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {"kind": self.kind, "idstr": self.idstr, "instance_id": self.instance_id}


def items_of(stream: Stream) -> Iterator[Item]:
    """Every block and every section that is loaded, each once, in the order of the file."""
    found = [Item("block", block.idstr) for block in stream.blocks]
    found += [
        Item("section", section.idstr, section.instance_id or 0)
        for section in stream.sections
        if section.type in _LOADED and section.idstr is not None
    ]
    yield from dict.fromkeys(found)


class Remaining:
    """The items that no option covers yet."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = dict.fromkeys(items)
        self._numbers: dict[str, deque[Item]] = {}
        for item in sorted(self._items):
            if item.kind == "section":
                self._numbers.setdefault(item.idstr, deque()).append(item)

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items))

    def __contains__(self, item: Item) -> bool:
        return item in self._items

    def take(self, wanted: Callable[[Item], bool]) -> tuple[Item, ...]:
        """Remove the items for which `wanted` holds, and return them."""
        return self.take_these(filter(wanted, tuple(self._items)))

    def take_these(self, wanted: Iterable[Item]) -> tuple[Item, ...]:
        """Remove those of the items that remain, and return them."""
        found = tuple(item for item in dict.fromkeys(wanted) if item in self._items)
        for item in found:
            del self._items[item]
        return found

    def sections(self, idstr: str) -> list[Item]:
        """The sections of one name, by number."""
        return [item for item in self._numbers.get(idstr, ()) if item in self._items]

    def take_first(self, idstr: str) -> tuple[Item, ...]:
        """Remove the section of that name with the lowest number, if there is one."""
        waiting = self._numbers.get(idstr, deque())
        while waiting:
            item = waiting.popleft()
            if item in self._items:
                return self.take_these([item])
        return ()
