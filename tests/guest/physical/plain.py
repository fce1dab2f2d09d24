"""Guest-physical memory computed byte by byte from the values that made a file."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from mappedram import strategies
from mappedram.fuzz.sound import RamSpec, SnapshotSpec, pattern
from mappedram.guest.physical import PhysicalMap, Range
from mappedram.strategies import Limits, SparseFile

#: Small blocks with pages close together.
LIMITS = Limits(blocks=3, pages=20, runs=5, run_pages=4, plain=True)


@dataclass(frozen=True)
class Guest:
    """A snapshot, a map that divides its blocks, and the memory expected through it."""

    spec: SnapshotSpec
    map: PhysicalMap

    @property
    def memory(self) -> dict[int, tuple[bytes, bytes]]:
        """Bytes of each contiguous stretch by its first address, and a 1 for each stored byte."""
        contents = {b.idstr: contents_of(n, b, self.spec) for n, b in enumerate(self.spec.blocks)}
        found: dict[int, tuple[bytes, bytes]] = {}
        for one in self.map.ranges:
            data, stored = (
                part[one.offset : one.offset + one.size] for part in contents[one.idstr]
            )
            last = next(reversed(found), None)
            if last is not None and last + len(found[last][0]) == one.gpa:
                found[last] = (found[last][0] + data, found[last][1] + stored)
            else:
                found[one.gpa] = (data, stored)
        return found

    def file(self, *, stale: bool) -> SparseFile:
        """The file with mapped-ram; with `stale`, garbage at the places of absent pages."""
        file = self.spec.file()
        if stale:
            for block, pages_offset in zip(
                self.spec.blocks, self._pages_offsets(file), strict=True
            ):
                kept = {page for start, stop in block.runs for page in range(start, stop)}
                size = self.spec.page_size
                for page in set(range(block.num_pages)) - kept:
                    file = file.write(pages_offset + page * size, b"\xa5" * size)
        return file

    def _pages_offsets(self, file: SparseFile) -> list[int]:
        import mappedram

        with file.opened() as fd, mappedram.open(fd, file.offset) as snapshot:
            return [block.model.pages_offset or 0 for block in snapshot.blocks]


def contents_of(number: int, block: RamSpec, spec: SnapshotSpec) -> tuple[bytes, bytes]:
    """The bytes of a block, and a 1 for each stored byte."""
    size = spec.page_size
    data, stored = bytearray(block.num_pages * size), bytearray(block.num_pages * size)
    for start, stop in block.runs:
        data[start * size : stop * size] = pattern(number, start, stop, size).tobytes()
        stored[start * size : stop * size] = b"\1" * ((stop - start) * size)
    return bytes(data), bytes(stored)


@st.composite
def guests(draw: st.DrawFn) -> Guest:
    """Pieces of blocks, of any size, next to each other or with gaps between."""
    spec = draw(strategies.snapshots(LIMITS))
    ranges, gpa = [], draw(st.integers(0, 1 << 40))
    for _ in range(draw(st.integers(1, 4))):
        block = draw(st.sampled_from(spec.blocks))
        length = block.num_pages * spec.page_size
        unit = draw(st.sampled_from([spec.page_size, 1]))
        offset = draw(st.integers(0, (length - 1) // unit)) * unit
        size = draw(st.integers(1, (length - offset) // unit)) * unit
        ranges.append(Range(gpa, size, block.idstr, offset, True, "drawn", True))
        gpa += size + draw(st.sampled_from([0, 0, 1, 4096]))
    return Guest(spec, PhysicalMap(tuple(ranges), (), ()))


def matches(guest: Guest, wanted: bytes) -> Iterator[int]:
    """Addresses of `wanted` with at least one stored byte."""
    for gpa, (data, stored) in guest.memory.items():
        at = data.find(wanted)
        while at >= 0:
            if any(stored[at : at + len(wanted)]):
                yield gpa + at
            at = data.find(wanted, at + 1)
