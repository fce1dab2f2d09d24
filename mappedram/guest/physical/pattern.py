"""Find all occurrences of a pattern in a buffer, at memory speed for any pattern.

The two bytes of the pattern that are rarest in the buffer are compared with all of it at once,
which leaves few candidates. `bytes.find` takes four times as long for patterns of two bytes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: More than one candidate in this many bytes means that the bytes were chosen badly.
_CANDIDATES_FEW = 64
#: Up to this many candidates are checked one by one.
_EASY = 256
#: Bytes of the pattern that are compared with the whole buffer.
_COMPARED = 2
#: Further bytes of the pattern that are compared for many candidates at once.
_FILTERS = 6


class PatternFinder:
    """Searches one buffer repeatedly.

    Args:
        pattern: bytes to find, at least one.
        buffer: the buffer to search.

    Attributes:
        pattern: the bytes to find.
    """

    def __init__(self, pattern: bytes, buffer: bytearray) -> None:
        import numpy as np

        self.pattern = pattern
        self._buffer = buffer
        self._bytes = np.frombuffer(buffer, np.uint8)
        self._marks = bytearray(len(buffer))
        self._mask = np.frombuffer(self._marks, bool)
        self._other_mask = np.empty(len(buffer), bool)
        self._order: list[int] = []

    def find(self, end: int) -> list[int]:
        """Offsets of matches in the first `end` bytes, ascending; matches may overlap."""
        count = end - len(self.pattern) + 1
        if count <= 0:
            return []
        if not self._order:
            self._choose(end)
        number = self._compare(count)
        if number > max(_EASY, end // _CANDIDATES_FEW) and self._choose(end):
            number = self._compare(count)
        found = self._few(count) if number <= _EASY else self._filtered(count)
        if len(self.pattern) <= _COMPARED:
            return found
        return [at for at in found if self._buffer.startswith(self.pattern, at)]

    def _choose(self, end: int) -> bool:
        """Order the positions by the rarity of their bytes; return whether the order changed."""
        import numpy as np

        counts = np.bincount(self._bytes[:end], minlength=256)
        pattern = np.frombuffer(self.pattern, np.uint8)
        order: list[int] = np.argsort(counts[pattern], kind="stable")[: 2 + _FILTERS].tolist()
        changed = order != self._order
        self._order = order
        return changed

    def _compare(self, count: int) -> int:
        """Mark the first `count` offsets where two bytes match; return the number of marks."""
        import numpy as np

        mask, other = self._mask[:count], self._other_mask[:count]
        first, *others = self._order[:2]
        np.equal(self._bytes[first : first + count], self.pattern[first], out=mask)
        for second in others:
            np.equal(self._bytes[second : second + count], self.pattern[second], out=other)
            np.logical_and(mask, other, out=mask)
        return int(np.count_nonzero(mask))

    def _few(self, count: int) -> list[int]:
        """The marked offsets, found one by one."""
        found = []
        at = self._marks.find(1, 0, count)
        while at >= 0:
            found.append(at)
            at = self._marks.find(1, at + 1, count)
        return found

    def _filtered(self, count: int) -> list[int]:
        """The marked offsets where further bytes match."""
        import numpy as np

        candidates: NDArray[np.int64] = np.flatnonzero(self._mask[:count])
        for position in self._order[2:]:
            same = self._bytes[candidates + position] == self.pattern[position]
            candidates = candidates[same]
        found: list[int] = candidates.tolist()
        return found
