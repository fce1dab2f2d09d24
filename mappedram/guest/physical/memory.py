"""Guest-physical memory, read through the map."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from mappedram.errors import OutOfRangeError
from mappedram.guest.physical.map import physical_map
from mappedram.guest.physical.ranges import PhysicalMap, Range
from mappedram.printable import plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs
    from mappedram.stream.block import Block
    from mappedram.stream.snapshot import OpenSnapshot


def physical_memory(snapshot: "OpenSnapshot") -> "PhysicalMemory":
    """The guest's physical memory, mapped by `physical_map`.

    Raises:
        UnsupportedError: the memory layout of the machine type is unknown.
    """
    return PhysicalMemory(snapshot, physical_map(snapshot))


class PhysicalMemory:
    """The guest's physical memory. Made by `physical_memory`, or with a map of your own.

    Addresses outside all ranges of the map are not memory. Pages that are not stored are zeros.

    Args:
        snapshot: an open snapshot.
        map: addresses of its blocks.
        owned: whether `close` closes the snapshot.
    """

    def __init__(
        self,
        snapshot: "OpenSnapshot",
        map: PhysicalMap,  # noqa: A002
        *,
        owned: bool = False,
    ) -> None:
        self.map = map
        self._owned = owned
        self._snapshot = snapshot
        self._starts = [one.gpa for one in map.ranges]

    def block(self, one: Range) -> "Block":
        """The block that a range belongs to."""
        return self._snapshot.block[one.idstr]

    def pieces(self, gpa: int, size: int) -> Iterator[tuple[Range, int, int]]:
        """Split `size` bytes at `gpa` into ranges; yield each with its first byte and size.

        Raises:
            OutOfRangeError: part of it is not memory; the message names the first such address.
        """
        if gpa < 0 or size < 0:
            raise OutOfRangeError(f"range {gpa:#x}+{size:#x}: expected no negative number")
        end = gpa + size
        index = bisect_right(self._starts, gpa) - 1
        while gpa < end:
            one = self.map.ranges[index] if 0 <= index < len(self._starts) else None
            if one is None or not one.gpa <= gpa < one.end:
                raise OutOfRangeError(f"{gpa:#x}: no known block at this physical address")
            length = min(one.end, end) - gpa
            yield one, gpa - one.gpa, length
            gpa += length
            index += 1

    def read(self, gpa: int, size: int, *, partial: bool = False) -> bytes:
        """Read `size` bytes at `gpa`; pages that are not stored read as zeros.

        Args:
            gpa: guest-physical address.
            size: number of bytes.
            partial: as for `Block.read`.

        Raises:
            OutOfRangeError: part of it is not memory; the message names the first such address.
            UnknownPagesError: the file does not say what some of the pages hold.
            FormatError: as `Block.read` does.
        """
        pieces = list(self.pieces(gpa, size))
        parts = [
            self.block(one).read(one.offset + first, length, partial=partial)
            for one, first, length in pieces
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def array(self, gpa: int, size: int) -> "NDArray[np.uint8]":
        """The bytes at `gpa` as a read-only array; raises as `read` does.

        If the file has all of them in one piece, the array is a view of the file: nothing is read
        or copied before it is used. It must not be used after the file has shrunk.
        """
        import numpy as np

        pieces = list(self.pieces(gpa, size))
        if len(pieces) == 1:
            one, first, length = pieces[0]
            offset = self.file_offset(one, first, length)
            view = None if offset is None else self._snapshot.source.view(offset, length)
            if view is not None:
                return np.frombuffer(view, np.uint8)
        return np.frombuffer(self.read(gpa, size), np.uint8)

    def file_offset(self, one: Range, first: int, size: int) -> int | None:
        """Offset in the file of `size` bytes, from byte `first` of a range on.

        Returns:
            The offset; None if the bytes are not contiguous in the file, or unknown.

        Raises:
            FormatError: as `Block.read` does.
        """
        return self.block(one).file_offset(one.offset + first, size)

    def iter_data_runs(self, one: Range) -> Iterator["Runs"]:
        """Yield `data_runs` in parts of bounded size; a run may continue in the next part."""
        block = self.block(one)
        page_size = block.page_size
        first, last = one.offset // page_size, -(-(one.offset + one.size) // page_size)
        for runs in block.stored.iter_runs(first, last):
            yield (runs * page_size + (one.gpa - one.offset)).clip(one.gpa, one.end)

    def data_runs(self, one: Range) -> "Runs":
        """Physical addresses of a range with stored pages; int64 array of shape (n, 2).

        The runs are half-open and ascending, and two never touch. `Block.coverage` tells which of
        the other pages are unknown; the rest are zeros.

        Raises:
            UnsupportedError: the file has no pages of the block.
            FormatError: the header of the block has an invalid page size.
        """
        import numpy as np

        parts = list(self.iter_data_runs(one))
        if not parts:
            return np.empty((0, 2), np.int64)
        runs = np.concatenate(parts)
        apart = np.flatnonzero(runs[1:, 0] != runs[:-1, 1])
        starts = runs[np.concatenate(([0], apart + 1)), 0]
        stops = runs[np.concatenate((apart, [len(runs) - 1])), 1]
        return np.stack((starts, stops), axis=1)

    def search(self, pattern: bytes, *, partial: bool = False) -> Iterator[int]:
        """Find the addresses of `pattern`, ascending; matches may overlap.

        Only stored pages are read. A match may extend into pages that are not stored, which are
        zeros, and into a directly adjacent range. At least one byte of it is in a stored page. So
        every match of a pattern with a nonzero byte is found, but a pattern of zeros only next to
        stored pages. Blocks without any pages in the file, as with x-ignore-shared, are unknown.

        Args:
            pattern: at least one byte.
            partial: skip unknown memory instead of refusing to search; no match extends into it.

        Raises:
            ValueError: the pattern is empty.
            UnknownPagesError: some of this memory is unknown.
            FormatError: as `read` does, during the iteration.
        """
        from mappedram.guest.physical.search import matches

        return matches(self, pattern, partial=partial)

    def part(self, start: int, stop: int) -> "PhysicalMemory":
        """The memory at addresses from `start` to `stop`, which is closed with this one."""
        ranges = tuple(
            replace(
                one,
                gpa=max(start, one.gpa),
                size=min(stop, one.end) - max(start, one.gpa),
                offset=one.offset + max(start, one.gpa) - one.gpa,
            )
            for one in self.map.ranges
            if one.gpa < stop and start < one.end
        )
        return PhysicalMemory(self._snapshot, replace(self.map, ranges=ranges))

    def known(self, one: Range) -> Iterator[Range]:
        """The parts of a range with known contents."""
        runs = self.block(one).coverage.known(one.offset, one.offset + one.size)
        for start, stop in runs.tolist():
            yield replace(one, gpa=one.gpa + start - one.offset, size=stop - start, offset=start)

    def require_known(self) -> None:
        """Refuse memory with unknown contents.

        Raises:
            UnknownPagesError: some of this memory is unknown.
        """
        self._snapshot.require_known({one.idstr for one in self.map.ranges})

    def close(self) -> None:
        """Close the snapshot if it is owned."""
        if self._owned:
            self._snapshot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        ranges = self.map.ranges
        size = sum(one.size for one in ranges)
        return (
            f"<PhysicalMemory of {self._snapshot.source.name!r}: {size:#x} bytes in"
            f" {plural(len(ranges), 'range')} below {ranges[-1].end if ranges else 0:#x}>"
        )
