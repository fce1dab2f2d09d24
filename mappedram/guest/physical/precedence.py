"""Overlay of ranges: later ones hide earlier ones, so that no address has two."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace

from mappedram.guest.physical.ranges import Range


class Canvas:
    """Ranges in order of address; each new range hides what was there."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []

    def __iter__(self) -> Iterator[Range]:
        """The ranges; contiguous parts of one range are joined."""
        joined: list[Range] = []
        for one in self._ranges:
            last = joined[-1] if joined else None
            if (
                last is not None
                and replace(one, gpa=last.end, offset=last.offset + last.size) == one
            ):
                whole = replace(one, gpa=last.gpa, offset=last.offset, size=last.size + one.size)
                if replace(whole, size=last.size) == last:
                    joined[-1] = whole
                    continue
            joined.append(one)
        return iter(joined)

    def under(self, start: int, end: int) -> list[Range]:
        """The ranges in [start, end), clipped to it."""
        first, last = self._bounds(start, end)
        return [part for one in self._ranges[first:last] for part in _within(one, start, end)]

    def clear(self, start: int, end: int) -> None:
        """Remove everything in [start, end)."""
        self._replace(start, end, [])

    def lay(self, new: Range) -> list[Range]:
        """Put a range on top; return what it hides."""
        hidden = self.under(new.gpa, new.end)
        if new.size > 0:
            self._replace(new.gpa, new.end, [new])
        return hidden

    def _bounds(self, start: int, end: int) -> tuple[int, int]:
        return (
            bisect_right(self._ranges, start, key=lambda one: one.end),
            bisect_left(self._ranges, end, key=lambda one: one.gpa),
        )

    def _replace(self, start: int, end: int, new: list[Range]) -> None:
        first, last = self._bounds(start, end)
        touched = self._ranges[first:last]
        before = [part for one in touched for part in _within(one, one.gpa, start)]
        after = [part for one in touched for part in _within(one, end, one.end)]
        self._ranges[first:last] = [*before, *new, *after]


def _within(one: Range, start: int, end: int) -> list[Range]:
    """The part of a range in [start, end), if any."""
    first, last = max(one.gpa, start), min(one.end, end)
    if first >= last:
        return []
    return [replace(one, gpa=first, size=last - first, offset=one.offset + first - one.gpa)]
