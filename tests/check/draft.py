"""A copy of a fixture that a test changes in one point."""

import os
from pathlib import Path

import mappedram
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.io.opening import open_source
from mappedram.stream.model import Stream
from tests.conftest import Fixture


class Draft(ChangeableFile):
    """A file to change; its holes stay holes."""

    def __init__(self, fixture: Fixture, folder: Path) -> None:
        self.path = folder / fixture.path.name
        self._base = fixture.offset
        with open_source(fixture.path) as source, self.path.open("wb") as copy:
            copy.truncate(source.size)
            for start, end in source.extents(0, source.size):
                os.pwrite(copy.fileno(), source.read(start, end - start), start)

    # What stands where.

    @property
    def base(self) -> int:
        return self._base

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def snapshot(self) -> mappedram.Snapshot:
        return mappedram.open(self.path, self.base, partial=True)

    @property
    def stream(self) -> Stream:
        with self.snapshot() as snapshot:
            return snapshot.stream

    def read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), length, offset)

    # Changes.

    def write(self, offset: int, data: bytes) -> int:
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), data, offset)
        return offset

    def insert(self, offset: int, data: bytes, until: int | None = None) -> int:
        end = self.size + len(data) if until is None else until
        moved = self.read(offset, end - offset - len(data))
        return self.write(offset, data + moved)

    def remove(self, offset: int, length: int) -> int:
        rest = self.read(offset + length, self.size)
        self.write(offset, rest)
        self.resize(offset + len(rest))
        return offset

    def resize(self, size: int) -> None:
        os.truncate(self.path, size)
