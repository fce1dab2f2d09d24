"""New bytes for parts of a file, not written yet: what reads like the file with them in it."""

from collections.abc import Iterator


class Changes:
    """New bytes by their offset in a file; the last ones given for a place count.

    Two changes are of the same place or of places that do not overlap, as fields do.
    """

    def __init__(self) -> None:
        self._new: dict[int, bytes] = {}

    def put(self, offset: int, data: bytes) -> None:
        """Let `data` stand at `offset`."""
        self._new[offset] = data

    def over(self, data: bytes, offset: int) -> bytes:
        """What was read at `offset`, with the changes that lie in it."""
        end = offset + len(data)
        within = {at: new for at, new in self._new.items() if at < end and at + len(new) > offset}
        if not within:
            return data
        changed = bytearray(data)
        for at, new in within.items():
            first, last = max(at, offset), min(at + len(new), end)
            changed[first - offset : last - offset] = new[first - at : last - at]
        return bytes(changed)

    def spans(self) -> list[tuple[int, int]]:
        """Where the changes are: half-open ranges, ascending."""
        return sorted((at, at + len(new)) for at, new in self._new.items())

    def __len__(self) -> int:
        return len(self._new)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self._new.items())
