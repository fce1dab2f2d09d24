"""Build a stream, or a part of it, along its declaration: the bytes of each structure by place."""

from collections.abc import Mapping
from typing import Any

from construct import Construct, SizeofError

from mappedram.format import grammar
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.complete import complete, lengths
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said, Structure
from mappedram.format.typed import Fields, Params, Value
from mappedram.stream.model import Area, Element


class Built:
    """Everything built so far. It is a `mappedram.format.grammar.Builder`.

    Args:
        driver: builds single structures.
        position: offset of the first structure.
        said: facts from the stream before it.
        align: alignment of `pages_offset` in bytes.
        word_size: bytes of an `unsigned long` on the host in whose format bitmaps are written.
        derives: whether to derive values even if they are given.
    """

    def __init__(
        self,
        driver: Driver,
        position: int = 0,
        *,
        said: Said | None = None,
        align: int = MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
        word_size: int = DEFAULT_WORD_SIZE,
        derives: bool = False,
    ) -> None:
        self.driver = driver
        self.position = position
        self.said = said or Said()
        self.align = align
        self.word_size = word_size
        self.derives = derives
        #: The structures and areas built so far, in order.
        self.elements: list[Element[object]] = []
        self.areas: list[Area] = []
        #: Bytes to write, by offset.
        self.pieces: list[tuple[int, bytes]] = []

    def add(self, declaration: Construct, values: Value) -> None:
        """Build a part of a stream at the end.

        Raises:
            BuildError: a value is missing, or does not fit its field.
        """
        grammar.build(declaration, values, self)

    @property
    def data(self) -> bytes:
        """All bytes, if no room was left in between."""
        return b"".join(data for _, data in self.pieces)

    def tell(self) -> int:
        """See `grammar.Place`."""
        return self.position

    def area(self, path: str, start: int, length: int) -> None:
        """See `grammar.Place`."""
        self.areas.append(Area(path, start, length))

    def build(self, structure: Structure, path: str, values: Fields, context: Any) -> Fields:
        """See `grammar.Builder`."""
        params = structure.around(context)
        given = _over(structure.values(context), values)
        if structure.derived:
            whole = self._derived(structure, given, params, context)
        else:
            whole = self._whole(structure, given)
        data = self.driver.build(structure.kind, whole, params)
        element = Element(structure.kind, path, self.position, len(data), whole, params)
        self.elements.append(element)
        self.put(data)
        return whole

    def _derived(self, structure: Structure, given: Fields, params: Params, context: Any) -> Fields:
        """All values of a structure with derived fields, which may depend on its end offset.

        Its length does not depend on the derived values.
        """
        assert structure.derived
        over = _over if self.derives else _under
        derived = structure.derived(context, given, self.position)
        whole = self._whole(structure, over(given, derived))
        end = self.position + self._size(structure, whole, params)
        at_end = structure.derived(context, given, end)
        return whole if at_end == derived else self._whole(structure, over(given, at_end))

    def _size(self, structure: Structure, whole: Fields, params: Params) -> int:
        try:
            return int(structure.declaration.size(whole, params))
        except (SizeofError, TypeError):  # no fixed size, or a missing value
            return len(self.driver.build(structure.kind, whole, params))

    def _whole(self, structure: Structure, values: Fields) -> Fields:
        """Complete the values of all fields."""
        if self.derives:
            told = lengths(structure.declaration)
            values = {name: value for name, value in values.items() if name not in told}
        return complete(structure.declaration, values)

    def put(self, data: bytes) -> None:
        """See `grammar.Builder`."""
        self.pieces.append((self.position, data))
        self.position += len(data)

    def leave(self, length: int) -> None:
        """See `grammar.Builder`."""
        self.position += length


def build(driver: Driver, declaration: Construct, values: Value) -> bytes:
    """Build the bytes of a part of a stream without offsets.

    Raises:
        BuildError: a value is missing, or does not fit its field.
    """
    built = Built(driver)
    built.add(declaration, values)
    return built.data


def _over(lower: Fields, upper: Fields) -> Fields:
    """Merge values; the upper ones win, members likewise."""
    if not lower:
        return upper
    found = dict(lower)
    for name, value in upper.items():
        below = found.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _over(below, value)
        found[name] = value
    return found


def _under(upper: Fields, lower: Fields) -> Fields:
    """Like `_over`, with the arguments swapped."""
    return _over(lower, upper)
