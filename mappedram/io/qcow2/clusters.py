"""Where the clusters of a snapshot are in its image: L1 and L2 tables, read in chunks on demand.

Source: QEMU block/qcow2-cluster.c, qcow2_get_host_offset().
"""

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mappedram.errors import FormatError, TruncatedError
from mappedram.format.foreign.qcow2 import COMPRESSED, L1E_SIZE, OFFSET_MASK, SUBCLUSTERS, ZERO
from mappedram.io.qcow2.image import InternalSnapshot, Qcow2Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Clusters that are decoded at once: parts of a long table, or several short ones.
CHUNK = 8192
#: Bits of the L2 entry of a compressed cluster that mean something.
_DESCRIPTOR = (1 << 63) - 1
#: From this number of L2 tables on, those in holes of the image are left out beforehand.
_MANY = 1024
#: Decoded chunks that are kept.
_KEPT = 64


class Where(IntEnum):
    """Where the bytes of a piece are."""

    NOWHERE = 0  # not allocated, or marked as zeros
    STORED = 1
    COMPRESSED = 2


class ClusterPiece(NamedTuple):
    """A part of the VM state whose bytes are stored together.

    Attributes:
        start: first byte, counted from the beginning of the VM state.
        end: first byte after it.
        where: where the bytes are.
        place: offset in the image of the first byte; of a compressed cluster, its L2 entry.
    """

    start: int
    end: int
    where: Where
    place: int


class _Chunk(NamedTuple):
    """The pieces of a chunk; starts count from its beginning."""

    starts: "NDArray[np.int64]"
    where: "NDArray[np.uint8]"
    place: "NDArray[np.int64]"


class ClusterMap:
    """The clusters of the VM state of one snapshot.

    They begin with the first L1 entry that describes no cluster of the disk.

    Args:
        image: the image.
        snapshot: one of its snapshots.

    Attributes:
        size: bytes up to the end of the last cluster that is allocated.

    Raises:
        FormatError: a table is at a place where QEMU refuses it, or occurs twice.
        TruncatedError: the image ends before a table.
        OSError: reading failed.
    """

    def __init__(self, image: Qcow2Image, snapshot: InternalSnapshot) -> None:
        self._source = image.source
        self._cluster_size = image.cluster_size
        self._subclusters = image.subclusters
        self._entry_size = image.l2_entry_size
        self._l2_size = image.l2_size
        self._chunk_size = CHUNK * image.cluster_size
        self._snapshot = snapshot
        #: The L1 entries of the disk, which come first.
        self._skipped = -(-snapshot.disk_size // (image.cluster_size * image.l2_size))
        self._tables = self._l1_table()
        self._used = self._used_tables()
        self._chunk = lru_cache(_KEPT)(self._decoded)
        self.size = self._end()

    def pieces(self, start: int, end: int) -> Iterator[ClusterPiece]:
        """The pieces of [start, end), one behind another; none of an empty range.

        Raises:
            FormatError: an L2 entry has a value that QEMU refuses.
            OSError: reading failed.
        """
        at = start
        for number in self._chunks(start, end) if start < end else ():
            here = number * self._chunk_size
            if here > at:
                yield ClusterPiece(at, here, Where.NOWHERE, 0)
                at = here
            stop = min(end, here + self._chunk_size)
            yield from self._pieces(number, at, stop)
            at = stop
        if at < end:
            yield ClusterPiece(at, end, Where.NOWHERE, 0)

    def _pieces(self, number: int, start: int, end: int) -> Iterator[ClusterPiece]:
        """The pieces of a part of a chunk."""
        chunk, here = self._chunk(number), number * self._chunk_size
        first = int(chunk.starts.searchsorted(start - here, "right")) - 1
        last = int(chunk.starts.searchsorted(end - here, "left"))
        starts = (chunk.starts[first:last] + here).tolist()
        ends = [*starts[1:], end]
        where, place = chunk.where[first:last].tolist(), chunk.place[first:last].tolist()
        for one in zip(starts, ends, where, place, strict=True):
            yield _cut(ClusterPiece(one[0], one[1], Where(one[2]), one[3]), start)

    def _chunks(self, start: int, end: int) -> Iterator[int]:
        """The chunks of [start, end) that have an L2 table, ascending."""
        covered = self._cluster_size * self._l2_size
        first = int(self._used.searchsorted(start // covered, "left"))
        last = int(self._used.searchsorted(-(-end // covered), "left"))
        at = start // self._chunk_size
        stop = -(-end // self._chunk_size)
        for table in self._used[first:last].tolist():
            numbers = self._chunks_of(table)
            for number in range(max(at, numbers.start), min(stop, numbers.stop)):
                yield number
                at = number + 1

    def _chunks_of(self, table: int) -> range:
        """The chunks that an L2 table is in."""
        first = table * self._l2_size
        return range(first // CHUNK, -(-(first + self._l2_size) // CHUNK))

    def _end(self) -> int:
        """The end of the last cluster that is allocated."""
        import numpy as np

        seen = -1
        for table in self._used[::-1].tolist():
            for number in reversed(self._chunks_of(table)):
                if number == seen:
                    continue
                seen = number
                chunk = self._chunk(number)
                allocated = np.flatnonzero(chunk.where)
                if len(allocated):
                    ends = [*chunk.starts[1:].tolist(), self._chunk_size]
                    end = number * self._chunk_size + int(ends[int(allocated[-1])])
                    return end + -end % self._cluster_size
        return 0

    # The L1 table.

    def _l1_table(self) -> "NDArray[np.int64]":
        """Offsets of the L2 tables of the VM state; 0 for those that are not allocated."""
        import numpy as np

        snapshot = self._snapshot
        start = snapshot.l1_table_offset
        if start % self._cluster_size:
            raise FormatError(
                f"l1_table_offset: expected a multiple of the cluster size, got {start:#x}",
                offset=snapshot.offset,
                path=f"{snapshot.path}/l1_table_offset",
                expected=f"a multiple of {self._cluster_size:#x}",
                actual=start,
            )
        skipped = min(self._skipped, snapshot.l1_size)
        data = self._source.read_exactly(
            start + skipped * L1E_SIZE,
            (snapshot.l1_size - skipped) * L1E_SIZE,
            "the L1 table of the snapshot",
        )
        return (np.frombuffer(data, ">u8") & OFFSET_MASK).astype(np.int64)

    def _used_tables(self) -> "NDArray[np.int64]":
        """Indices of the L2 tables that are allocated: all different, aligned, and in the file."""
        import numpy as np

        used = np.flatnonzero(self._tables)
        offsets = self._tables[used]
        order = np.argsort(offsets, kind="stable")
        twice = np.flatnonzero(np.diff(offsets[order]) == 0) + 1
        self._refuse_tables(FormatError, "occurs twice in an L1 table", used[order[twice]])
        askew = used[offsets % self._cluster_size != 0]
        self._refuse_tables(FormatError, "does not begin with a cluster", askew)
        behind = used[offsets >= self._source.size]
        end = f"is behind the end of the image at {self._source.size:#x}"
        self._refuse_tables(TruncatedError, end, behind)
        return used if len(used) < _MANY else used[self._stored(offsets)]

    def _stored(self, offsets: "NDArray[np.int64]") -> "NDArray[np.bool_]":
        """Which L2 tables are not in a hole of the image. A hostile image has millions that are."""
        import numpy as np

        span = int(offsets.min()), int(offsets.max()) + self._cluster_size
        extents = np.array([*self._source.extents(*span), (span[1], span[1])], np.int64)
        first = np.minimum(extents[:, 1].searchsorted(offsets, "right"), len(extents) - 1)
        found: NDArray[np.bool_] = extents[first, 0] < offsets + self._cluster_size
        return found

    def _refuse_tables(
        self, error: type[FormatError], problem: str, tables: "NDArray[np.int64]"
    ) -> None:
        """Raise an error about the first of some L2 tables, if there is one."""
        if not len(tables):
            return
        table = int(tables[0])
        index = self._skipped + table
        raise error(
            f"the L2 table at {int(self._tables[table]):#x} {problem}",
            offset=self._snapshot.l1_table_offset + index * L1E_SIZE,
            path=f"{self._snapshot.path}/l1_table[{index}]",
        )

    # L2 tables.

    def _decoded(self, number: int) -> _Chunk:
        """Decode a chunk. A unit is a cluster, or a subcluster if there are any."""
        import numpy as np

        data = self._entries(number)
        if data.count(0) == len(data):
            start = np.zeros(1, np.int64)
            return _Chunk(start, np.zeros(1, np.uint8), start)
        words = np.frombuffer(data, ">u8").astype(np.uint64)
        words = words.reshape(CHUNK, -1)
        entries = words[:, 0]
        packed = (entries & COMPRESSED) != 0
        place = (entries & OFFSET_MASK).astype(np.int64)
        bits = words[:, 1] if self._subclusters > 1 else None
        if bits is None:
            stored = ((entries & ZERO) == 0) & (place != 0) & ~packed
            stored = stored.reshape(CHUNK, 1)
        else:
            alloc, zeros = bits & 0xFFFF_FFFF, bits >> np.uint64(32)
            wrong = (((alloc & zeros) != 0) | ((alloc != 0) & (place == 0))) & ~packed
            self._refuse_entries("has subclusters that QEMU refuses", number, wrong)
            each = np.arange(SUBCLUSTERS, dtype=np.uint64)
            stored = ((alloc[:, None] >> each) & np.uint64(1)).astype(bool) & ~packed[:, None]
        askew = stored.any(axis=1) & (place % self._cluster_size != 0)
        self._refuse_entries("leads to no beginning of a cluster", number, askew)
        # Otherwise a small image could claim any amount of bytes that are not zeros.
        used = np.where(packed, (entries & _DESCRIPTOR).astype(np.int64), place)
        again = _repeated(used, stored.any(axis=1) | packed)
        self._refuse_entries("leads to the cluster of another one", number, again)
        return self._merged(stored, packed, place, entries)

    def _merged(
        self,
        stored: "NDArray[np.bool_]",
        packed: "NDArray[np.bool_]",
        place: "NDArray[np.int64]",
        entries: "NDArray[np.uint64]",
    ) -> _Chunk:
        """Merge units that follow each other both in the VM state and in the image.

        Args:
            stored: of each cluster, its units that are stored.
            packed: the clusters that are compressed.
            place: where the others are.
            entries: the L2 entries.
        """
        import numpy as np

        count = self._subclusters
        unit = self._cluster_size // count
        where = stored.astype(np.uint8)
        where[packed] = Where.COMPRESSED
        places = np.where(stored, place[:, None] + np.arange(count) * unit, 0)
        places[packed] = (entries[packed] & _DESCRIPTOR).astype(np.int64)[:, None]
        where, places = where.ravel(), places.ravel()
        steps = np.where(where[:-1] == Where.STORED, unit, 0)
        breaks = (where[1:] != where[:-1]) | (places[1:] - places[:-1] != steps)
        # Each compressed cluster is a piece, even if two have the same entry.
        breaks[count - 1 :: count] |= where[count::count] == Where.COMPRESSED
        starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        return _Chunk(starts * unit, where[starts], places[starts])

    def _entries(self, number: int) -> bytes:
        """The L2 entries of a chunk; zeros for tables that are not allocated."""
        first = number * CHUNK
        length = CHUNK * self._entry_size
        table, index = divmod(first, self._l2_size)
        if self._l2_size >= CHUNK:
            return self._read(int(self._tables[table]) + index * self._entry_size, length)
        data = bytearray(length)
        for at, offset, size in self._neighbours(table, CHUNK // self._l2_size):
            data[at : at + size] = self._read(offset, size)
        return bytes(data)

    def _neighbours(self, first: int, count: int) -> Iterator[tuple[int, int, int]]:
        """Runs of L2 tables that follow each other in the image.

        Yields:
            Place of the run among the entries of all `count` tables, its offset, its bytes.
        """
        import numpy as np

        offsets = self._tables[first : first + count]
        breaks = np.flatnonzero(np.diff(offsets) != self._cluster_size) + 1
        bounds = [0, *breaks.tolist(), len(offsets)]
        for start, stop in pairwise(bounds):
            if start < stop and offsets[start]:
                size = self._cluster_size
                yield start * size, int(offsets[start]), (stop - start) * size

    def _read(self, offset: int, length: int) -> bytes:
        """Bytes of L2 tables; zeros behind the end of the image, where its last cluster is cut."""
        inside = max(0, min(length, self._source.size - offset))
        data = self._source.read_around_holes(offset, inside, "the L2 table")
        return bytes(data).ljust(length, b"\0")

    def _refuse_entries(self, problem: str, number: int, wrong: "NDArray[np.bool_]") -> None:
        """Raise an error about the first of some entries of a chunk, if there is one."""
        if not wrong.any():
            return
        cluster = number * CHUNK + int(wrong.argmax())
        table, index = divmod(cluster, self._l2_size)
        raise FormatError(
            f"the L2 entry {problem}",
            offset=int(self._tables[table]) + index * self._entry_size,
            path=f"{self._snapshot.path}/l1_table[{self._skipped + table}]/l2_table[{index}]",
        )


def _repeated(places: "NDArray[np.int64]", counts: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Which of the places that count are those of an earlier one."""
    import numpy as np

    found = np.zeros(len(places), np.bool_)
    indices = np.flatnonzero(counts)
    indices = indices[places[indices].argsort(kind="stable")]
    found[indices[1:][np.diff(places[indices]) == 0]] = True
    return found


def _cut(piece: ClusterPiece, start: int) -> ClusterPiece:
    """A piece without its bytes before `start`. A compressed cluster keeps its entry."""
    skipped = start - piece.start
    if skipped <= 0:
        return piece
    place = piece.place + (skipped if piece.where == Where.STORED else 0)
    return piece._replace(start=start, place=place)
