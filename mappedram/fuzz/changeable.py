"""A file that is changed by the names of its structures and fields, wherever they stand."""

from abc import ABC, abstractmethod

from mappedram.format.constants import SectionType
from mappedram.format.drivers.base import Span
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.stream.model import Element, RamBlock, Section, Stream


class ChangeableFile(ABC):
    """A file, what its headers say, and changes to it; where it is kept, a subclass decides.

    What is asked for by name and is not there raises LookupError.
    """

    @property
    @abstractmethod
    def stream(self) -> Stream:
        """What the headers say, as far as they can be followed.

        Raises:
            FormatError: no stream begins there.
        """

    @property
    @abstractmethod
    def base(self) -> int:
        """Where the stream begins."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of the file."""

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file, fewer at its end."""

    @abstractmethod
    def write(self, offset: int, data: bytes) -> int:
        """Put bytes in the place of others; returns `offset`."""

    @abstractmethod
    def insert(self, offset: int, data: bytes, until: int | None = None) -> int:
        """Put bytes in between; what follows moves, up to `until`. Returns `offset`."""

    @abstractmethod
    def remove(self, offset: int, length: int) -> int:
        """Take bytes out; what follows moves up. Returns `offset`."""

    @abstractmethod
    def resize(self, size: int) -> None:
        """Cut the file off, or put a hole at its end."""

    # What stands where.

    @property
    def blocks(self) -> tuple[RamBlock, ...]:
        """The RAM blocks."""
        return self.stream.blocks

    def block(self, idstr: str) -> RamBlock:
        """The first RAM block of that name."""
        for block in self.blocks:
            if block.idstr == idstr:
                return block
        raise LookupError(idstr)

    def section(self, kind: SectionType, idstr: str | None = None) -> Section:
        """The first section of that type, and of that name if one is given."""
        for section in self.stream.sections:
            if section.type == kind and idstr in (None, section.idstr):
                return section
        raise LookupError(f"{kind.name} {idstr or ''}".rstrip())

    def element(self, path: str) -> Element[object]:
        """The structure at a path."""
        for element in self.stream.elements:
            if element.path == path:
                return element
        raise LookupError(path)

    def place(self, path: str, name: str) -> Span:
        """Where a field of the structure at `path` stands in the file, and its value."""
        element = self.element(path)
        data = self.read(element.offset, element.length)
        for span in DRIVER.spans(element.kind, data, dict(element.params)):
            if span.path == name:
                shift = element.offset
                return Span(f"{path}/{name}", shift + span.start, shift + span.end, span.value)
        raise LookupError(f"{path}/{name}")

    def field(self, path: str, name: str) -> tuple[int, int]:
        """Offset and length of a field of the structure at `path`."""
        place = self.place(path, name)
        return place.start, place.end - place.start

    def value(self, path: str, name: str) -> int:
        """The number in a field, as its bytes say."""
        return int.from_bytes(self.read(*self.field(path, name)), "big")

    def description(self) -> Section:
        """The section of the JSON text, which is its payload."""
        return self.section(SectionType.VMDESCRIPTION)

    def read_payload(self, section: Section) -> bytes:
        """The bytes between header and footer of a section."""
        return self.read(section.payload_offset, section.payload_length)

    # Changes.

    def set(self, path: str, name: str, value: int | bytes) -> int:
        """Give a field another value, of the same length; returns its offset."""
        offset, length = self.field(path, name)
        data = value.to_bytes(length, "big") if isinstance(value, int) else value
        if len(data) != length:
            raise ValueError(f"{path}/{name}: expected {length} bytes, got {len(data)}")
        return self.write(offset, data)

    def set_in(self, idstr: str, name: str, value: int | bytes) -> int:
        """Give a field of the header of a block another value; returns its offset."""
        return self.set(self.block(idstr).path, name, value)

    def add(self, path: str, name: str, amount: int) -> int:
        """Add to the number in a field; returns its offset."""
        return self.set(path, name, self.value(path, name) + amount)
