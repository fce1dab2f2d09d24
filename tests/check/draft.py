"""A copy of a fixture that a test changes in one point."""

import os
from pathlib import Path

import mappedram
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from mappedram.stream.model import Element, RamBlock, Section
from tests.conftest import Fixture


class Draft:
    """A file to change; its holes stay holes."""

    def __init__(self, fixture: Fixture, folder: Path) -> None:
        self.path = folder / fixture.path.name
        self.base = fixture.offset
        with open_source(fixture.path) as source, self.path.open("wb") as copy:
            copy.truncate(source.size)
            for start, end in source.extents(0, source.size):
                os.pwrite(copy.fileno(), source.read(start, end - start), start)

    # What stands where.

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def snapshot(self) -> mappedram.Snapshot:
        return mappedram.open(self.path, self.base, partial=True)

    def section(self, kind: SectionType, idstr: str | None = None) -> Section:
        with self.snapshot() as snapshot:
            return next(
                section
                for section in snapshot.sections
                if section.type == kind and idstr in (None, section.idstr)
            )

    def block(self, idstr: str) -> RamBlock:
        with self.snapshot() as snapshot:
            return snapshot.block[idstr].model

    def element(self, path: str) -> Element[object]:
        with self.snapshot() as snapshot:
            return next(entry for entry in snapshot.stream.elements if entry.path == path)

    def field(self, path: str, name: str) -> tuple[int, int]:
        """Offset and length of a field of the structure at `path`."""
        element = self.element(path)
        with self.snapshot() as snapshot:
            spans = {span.path: span for span in snapshot.fields(element)}
        return element.offset + spans[name].start, spans[name].end - spans[name].start

    def value(self, path: str, name: str) -> int:
        offset, length = self.field(path, name)
        return int.from_bytes(self.read(offset, length), "big")

    def read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), length, offset)

    def description(self) -> Section:
        """The section of the JSON text, which is its payload."""
        return self.section(SectionType.VMDESCRIPTION)

    def read_payload(self, section: Section) -> bytes:
        return self.read(section.payload_offset, section.payload_length)

    # Changes.

    def write(self, offset: int, data: bytes) -> int:
        """Put bytes in the place of others; returns `offset`."""
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), data, offset)
        return offset

    def set(self, path: str, name: str, value: int | bytes) -> int:
        """Give a field another value; returns its offset."""
        offset, length = self.field(path, name)
        data = value.to_bytes(length, "big") if isinstance(value, int) else value
        assert len(data) == length
        return self.write(offset, data)

    def set_in(self, idstr: str, name: str, value: int | bytes) -> int:
        """Give a field of the header of a block another value; returns its offset."""
        return self.set(self.block(idstr).path, name, value)

    def insert(self, offset: int, data: bytes, until: int | None = None) -> int:
        """Put bytes in between, and move what follows up to `until`; returns `offset`."""
        end = self.size + len(data) if until is None else until
        moved = self.read(offset, end - offset - len(data))
        return self.write(offset, data + moved)

    def remove(self, offset: int, length: int) -> int:
        """Take bytes out, and move what follows; returns `offset`."""
        rest = self.read(offset + length, self.size)
        self.write(offset, rest)
        self.truncate(offset + len(rest))
        return offset

    def truncate(self, size: int) -> None:
        os.truncate(self.path, size)
