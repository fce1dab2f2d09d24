"""Pending changes of a file: reading through them shows the changed file."""

from collections.abc import Iterator


class Changes:
    """New bytes by their offset in a file; the last change of a place wins.

    Two changes either cover the same bytes or do not overlap, as fields do.
    """

    def __init__(self) -> None:
        self._new: dict[int, bytes] = {}

    def put(self, offset: int, data: bytes) -> None:
        """Set the bytes at `offset` to `data`."""
        self._new[offset] = data

    def over(self, data: bytes, offset: int) -> bytes:
        """Apply the changes to bytes that were read at `offset`."""
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
        """Ranges of the changes: half-open, ascending."""
        return sorted((at, at + len(new)) for at, new in self._new.items())

    def __len__(self) -> int:
        return len(self._new)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self._new.items())
