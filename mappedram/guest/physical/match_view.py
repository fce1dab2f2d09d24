"""What is shown of a match: its place, and the bytes around it."""

from mappedram.guest.physical.located import Located, locate
from mappedram.guest.physical.memory import PhysicalMemory
from mappedram.json_types import Json


class MatchView:
    """What is shown of the matches of a search.

    Args:
        memory: the memory that was searched.
        length: length of the pattern in bytes.
        context: bytes to show before and behind each match.
        physical: whether addresses are physical ones, not offsets in one block.
    """

    def __init__(
        self, memory: PhysicalMemory, length: int, context: int, *, physical: bool
    ) -> None:
        self.memory = memory
        self.length = length
        self.context = context
        self.physical = physical
        self.spans = _spans(memory)

    def around(self, address: int) -> tuple[bytes, bytes, bytes]:
        """The bytes before a match, its own, and those behind it; fewer where memory ends."""
        start, end = self._bounds(address)
        data = self.memory.read(start, end - start, partial=True)
        first = address - start
        return data[:first], data[first : first + self.length], data[first + self.length :]

    def as_dict(self, address: int) -> dict[str, Json]:
        """A match for JSON."""
        before, match, behind = self.around(address)
        return {
            **place_as_dict(locate(self.memory, address), physical=self.physical),
            "before": before.hex(),
            "match": match.hex(),
            "behind": behind.hex(),
        }

    def _bounds(self, address: int) -> tuple[int, int]:
        """Where the match and its context begin and end, within memory that has no gap."""
        first, last = next(span for span in self.spans if address < span[1])
        start = max(first, address - self.context)
        return start, min(last, address + self.length + self.context)


def _spans(memory: PhysicalMemory) -> list[tuple[int, int]]:
    """Addresses without a gap, half-open and ascending."""
    spans: list[tuple[int, int]] = []
    for one in memory.map.ranges:
        start, _ = spans.pop() if spans and spans[-1][1] == one.gpa else (one.gpa, 0)
        spans.append((start, one.end))
    return spans


def place_as_dict(place: Located, *, physical: bool) -> dict[str, Json]:
    """A place for JSON; of a block alone, `gpa` is null."""
    return {
        "gpa": place.address if physical else None,
        "idstr": place.idstr,
        "block_offset": place.block_offset,
        "file_offset": place.file_offset,
    }
