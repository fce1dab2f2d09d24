"""A repair, and the changes that it makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession
from mappedram.json_types import Json

if TYPE_CHECKING:
    from mappedram.io.spans import Runs


@dataclass(frozen=True, slots=True)
class Change:
    """One change that a repair makes, or would make if the right value were known.

    Attributes:
        path: place in the structure, such as `/ram/blocks[0]/mapped_ram/version`.
        offset: first byte of the file that changes.
        before: the current value, in short.
        after: the new value, in short.
        count: number of values, pages, bits or bytes that change; 0 if the right value cannot be
            known and nothing is changed.
        certain: whether the file proves it.
        unknown: runs of pages that may or may not have been zero, before and after the change.
        note: what remains unknown, or what the change means; None if there is nothing to add.
        edits: the bytes to be written.
        moves: whether bytes of the stream move, which no order of writing makes safe.
        name: name of the repair; filled in by `Repair`.
    """

    path: str
    offset: int
    before: str
    after: str
    count: int = 1
    certain: bool = True
    note: str | None = None
    unknown: "Runs | None" = field(default=None, compare=False)
    edits: tuple[Edit, ...] = ()
    moves: bool = False
    name: str = ""

    def to_dict(self) -> dict[str, Json]:
        """The change for JSON."""
        keys = ("name", "count", "offset", "path", "before", "after", "certain", "note")
        unknown = [] if self.unknown is None else self.unknown.tolist()
        return {key: getattr(self, key) for key in keys} | {"unknown_pages": unknown}


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of repair.

    Attributes:
        name: what is repaired, in kebab-case.
        proof: why the new bytes are right, in one sentence.
        find: yields the changes that the file needs; none if nothing is proven.
        repeat: whether to search again after a change, which may reveal the next defect.
        asked: whether it is made only on request.
    """

    name: str
    proof: str
    find: Callable[[RepairSession], Iterator[Change]]
    repeat: bool = False
    asked: bool = False

    def changes(self, case: RepairSession) -> list[Change]:
        """Changes that the file needs in its current state."""
        return [replace(change, name=self.name) for change in self.find(case)]
