"""A sparse file as a value, in memory only."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Self

from mappedram.io import system
from mappedram.io.opening import open_source
from mappedram.io.source import Source

#: Bytes of a hole hashed at once.
_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)

#: An offset, and the bytes from there on.
Piece = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class SparseFile:
    """A file of `size` bytes that are zero except for its pieces. `bytes(file)` is all of it.

    Attributes:
        size: bytes of the file, holes included.
        pieces: all that is not a hole, ascending; no two touch each other.
        offset: where the stream begins; the bytes before belong to the container.
        origin: where the file comes from, in words.
    """

    size: int
    pieces: tuple[Piece, ...] = ()
    offset: int = 0
    origin: str = field(default="", compare=False)

    @classmethod
    def of_fd(cls, fd: int, offset: int = 0, origin: str = "") -> Self:
        """The file that is open as `fd`, with its holes.

        Raises:
            OSError: reading failed.
        """
        return cls.of(open_source(fd), offset, origin)

    @classmethod
    def of(cls, source: Source, offset: int = 0, origin: str = "") -> Self:
        """The contents of an open source, with its holes.

        Raises:
            OSError: reading failed.
        """
        extents = source.extents(0, source.size)
        return cls(
            source.size,
            tuple((start, source.read(start, end - start)) for start, end in extents),
            offset,
            origin,
        )

    @property
    def stored(self) -> int:
        """Bytes that are not in holes."""
        return sum(len(data) for _, data in self.pieces)

    def __bytes__(self) -> bytes:
        return self.read(0, self.size)

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer only at the end of the file."""
        end = min(offset + length, self.size)
        found = bytearray(max(0, end - offset))
        for start, data in _cut(self.pieces, offset, end):
            found[start - offset : start - offset + len(data)] = data
        return bytes(found)

    # Modified copies.

    def write(self, offset: int, data: bytes) -> Self:
        """A copy with these bytes overwritten."""
        end = offset + len(data)
        size = max(self.size, end)
        kept = (*_cut(self.pieces, 0, offset), (offset, data), *_cut(self.pieces, end, size))
        return replace(self, size=size, pieces=_joined(kept))

    def insert(self, offset: int, data: bytes, until: int | None = None) -> Self:
        """A copy with these bytes inserted; the bytes behind move, up to `until`.

        Bytes that would move past `until` are lost, so the bytes behind keep their place.
        """
        shift, stop = len(data), self.size if until is None else until - len(data)
        behind = stop if until is None else until
        moved = ((start + shift, part) for start, part in _cut(self.pieces, offset, stop))
        kept = (
            *_cut(self.pieces, 0, offset),
            (offset, data),
            *moved,
            *_cut(self.pieces, behind, self.size),
        )
        size = self.size + shift if until is None else self.size
        return replace(self, size=size, pieces=_joined(kept))

    def insert_hole(self, offset: int, length: int) -> Self:
        """A copy with zeros inserted; the bytes behind move."""
        behind = _cut(self.pieces, offset, self.size)
        moved = ((start + length, part) for start, part in behind)
        kept = (*_cut(self.pieces, 0, offset), *moved)
        return replace(self, size=self.size + length, pieces=_joined(kept))

    def remove(self, offset: int, length: int) -> Self:
        """A copy without these bytes; the bytes behind move up."""
        behind = _cut(self.pieces, offset + length, self.size)
        moved = ((start - length, part) for start, part in behind)
        kept = (*_cut(self.pieces, 0, offset), *moved)
        return replace(self, size=self.size - length, pieces=_joined(kept))

    def resize(self, size: int) -> Self:
        """A copy truncated at `size`, or with a hole at its end."""
        return replace(self, size=size, pieces=tuple(_cut(self.pieces, 0, size)))

    def punch(self, offset: int, length: int) -> Self:
        """A copy with a hole in this place."""
        end = offset + length
        kept = (*_cut(self.pieces, 0, offset), *_cut(self.pieces, end, self.size))
        return replace(self, pieces=kept)

    # Files of the system.

    def save(self, fd: int) -> None:
        """Write it into the empty file open as `fd`; holes stay holes.

        Raises:
            OSError: writing failed.
        """
        system.end_at(fd, self.size)
        for offset, data in self.pieces:
            system.write(fd, data, offset)

    def store(self, path: Path) -> None:
        """Write it to a path; replace an existing file.

        Raises:
            OSError: writing failed.
        """
        with path.open("wb") as stream:
            self.save(stream.fileno())

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of an in-memory file with these contents, open for reading and writing."""
        with memory_file() as fd:
            self.save(fd)
            yield fd

    def sha256(self) -> str:
        """Digest of all bytes, in hex."""
        digest, position = sha256(), 0
        for offset, data in (*self.pieces, (self.size, b"")):
            for start in range(position, offset, _CHUNK):
                digest.update(_ZEROS[: offset - start])
            digest.update(data)
            position = offset + len(data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        what = f" of {self.origin}" if self.origin else ""
        return f"<SparseFile of {self.size:#x} bytes, {self.stored:#x} of them stored{what}>"


@contextmanager
def memory_file() -> Iterator[int]:
    """A descriptor of an empty in-memory file."""
    fd = system.memory_file("mappedram-fuzz")
    try:
        yield fd
    finally:
        system.close(fd)


def _cut(pieces: Iterable[Piece], start: int, end: int) -> Iterator[Piece]:
    """The parts of the pieces in [start, end)."""
    for offset, data in pieces:
        first, last = max(offset, start), min(offset + len(data), end)
        if first < last:
            yield first, data[first - offset : last - offset]


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces, joined where they touch."""
    filled = [piece for piece in pieces if piece[1]]
    starts = [0] + [
        number
        for number, (here, there) in enumerate(pairwise(filled), start=1)
        if here[0] + len(here[1]) != there[0]
    ]
    groups = (filled[first:last] for first, last in pairwise([*starts, len(filled)]))
    return tuple((group[0][0], b"".join(data for _, data in group)) for group in groups if group)
