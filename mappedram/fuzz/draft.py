"""A file that is edited by the names of its fields."""

from mappedram.format.constants import SectionType
from mappedram.format.drivers.base import Span
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.sound import SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.io.opening import open_source
from mappedram.stream.model import Element, RamBlock, Section, Stream
from mappedram.stream.reader import read_stream


class Draft:
    """A file, its parsed headers, and changes to it.

    Args:
        file: the original file.
    """

    def __init__(self, file: SparseFile) -> None:
        self.file = file

    @classmethod
    def of(cls, spec: SnapshotSpec) -> "Draft":
        """A draft of a sound file."""
        return cls(spec.file())

    @property
    def file(self) -> SparseFile:
        """The file with all changes so far."""
        return self._file

    @file.setter
    def file(self, file: SparseFile) -> None:
        self._file = file
        self._stream: Stream | None = None

    # Places of structures and fields.

    @property
    def stream(self) -> Stream:
        """The parsed headers, as far as they can be followed.

        Raises:
            FormatError: no stream begins there.
        """
        if self._stream is None:
            with self._file.opened() as fd:
                self._stream = read_stream(open_source(fd), self._file.offset, DRIVER)
        return self._stream

    @property
    def blocks(self) -> tuple[RamBlock, ...]:
        """The RAM blocks."""
        return self.stream.blocks

    def section(self, kind: SectionType) -> Section:
        """First section of that type.

        Raises:
            LookupError: there is none.
        """
        for section in self.stream.sections:
            if section.type == kind:
                return section
        raise LookupError(kind.name)

    def behind_bitmap(self, size: int) -> int:
        """Where to truncate instead of at `size`: within a bitmap, MR402 would also be broken."""
        for block in self.blocks:
            assert block.bitmap_offset is not None
            end = block.bitmap_offset + block.bitmap_size
            if block.header_end <= size < end:
                return end
        return size

    def element(self, path: str) -> Element[object]:
        """The structure at a path.

        Raises:
            LookupError: there is none.
        """
        for element in self.stream.elements:
            if element.path == path:
                return element
        raise LookupError(path)

    def place(self, path: str, name: str) -> Span:
        """Offset of a field of the structure at `path`, and its value.

        Raises:
            LookupError: there is no such structure, or it has no such field.
        """
        element = self.element(path)
        data = self._file.read(element.offset, element.length)
        for span in DRIVER.spans(element.kind, data, dict(element.params)):
            if span.path == name:
                shift = element.offset
                return Span(f"{path}/{name}", shift + span.start, shift + span.end, span.value)
        raise LookupError(f"{path}/{name}")

    # Changes.

    def set(self, path: str, name: str, value: int | bytes) -> None:
        """Set a field to another value of the same length."""
        place = self.place(path, name)
        length = place.end - place.start
        data = value.to_bytes(length, "big") if isinstance(value, int) else value
        if len(data) != length:
            raise ValueError(f"{place.path}: expected {length} bytes, got {len(data)}")
        self.write(place.start, data)

    def add(self, path: str, name: str, amount: int) -> None:
        """Add to the number in a field."""
        number = self.place(path, name).value
        assert isinstance(number, int)
        self.set(path, name, number + amount)

    def write(self, offset: int, data: bytes) -> None:
        """Overwrite bytes."""
        self.file = self._file.write(offset, data)

    def insert(self, offset: int, data: bytes, until: int | None = None) -> None:
        """Insert bytes; the bytes behind move, up to `until`."""
        self.file = self._file.insert(offset, data, until)

    def insert_hole(self, offset: int, length: int) -> None:
        """Insert zeros; the bytes behind move."""
        self.file = self._file.insert_hole(offset, length)

    def remove(self, offset: int, length: int) -> None:
        """Remove bytes; the bytes behind move up."""
        self.file = self._file.remove(offset, length)

    def resize(self, size: int) -> None:
        """Truncate the file, or append a hole."""
        self.file = self._file.resize(size)
