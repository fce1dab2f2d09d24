"""What a repair is, and what it says that it changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mappedram.json_types import Json
from mappedram.repair.edits import Edit
from mappedram.repair.session import RepairSession

if TYPE_CHECKING:
    from mappedram.io.spans import Runs


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a repair changes, or would change if it were known.

    Attributes:
        path: place in the structure, such as `/ram/blocks[0]/mapped_ram/version`.
        offset: first byte of the file that changes.
        before: what stands there, in short.
        after: what is going to stand there, in short.
        count: how many values, pages, bits or bytes change; 0 where what is right cannot be known
            and nothing is changed.
        certain: whether the file proves it.
        unknown: runs of pages of which nothing tells, before or after, whether they were zero.
        note: what cannot be known, or what it means; None where there is nothing to add.
        edits: the bytes to be written.
        moves: whether bytes of the stream get another place, which no order of writing makes safe.
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
        find: yields the changes that the file calls for; none where nothing is proven.
        repeat: whether to look again after a change, as it may bring the next defect to light.
        asked: whether it is made only when it is asked for.
    """

    name: str
    proof: str
    find: Callable[[RepairSession], Iterator[Change]]
    repeat: bool = False
    asked: bool = False

    def changes(self, case: RepairSession) -> list[Change]:
        """What the file calls for as it is now."""
        return [replace(change, name=self.name) for change in self.find(case)]
