"""Make decisions from bytes: equal bytes decide equally; without bytes, the least value is used."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Feed:
    """Bytes that decisions consume."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def number(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        width = (high - low).bit_length() + 7 >> 3
        piece = self._data[self._position : self._position + width]
        self._position += width
        return low + int.from_bytes(piece, "big") % (high - low + 1)

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]

    def rest(self) -> bytes:
        """All remaining bytes."""
        rest, self._data = self._data[self._position :], b""
        return rest
