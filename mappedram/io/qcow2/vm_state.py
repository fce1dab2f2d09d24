"""The VM state of an internal snapshot as a source."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING

from mappedram.errors import SnapshotChoiceError, TruncatedError, UnsupportedError
from mappedram.io.qcow2.clusters import ClusterMap, ClusterPiece, Where
from mappedram.io.qcow2.compressed import decompressed
from mappedram.io.qcow2.image import InternalSnapshot, Qcow2Image
from mappedram.io.source import DerivedSource, Source

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Decompressed clusters that are kept.
_CLUSTERS_KEPT = 4


class VmStateSource(DerivedSource):
    """The VM state of an internal snapshot: offset 0 is where its stream begins.

    Clusters that are not allocated are holes, as no backing file has a VM state.

    Args:
        image: the image; its source is closed with this one.
        snapshot: one of its snapshots, with a VM state.

    Attributes:
        image: the image.
        snapshot: the snapshot.

    Raises:
        UnsupportedError: the snapshot has no VM state, or the clusters cannot be read.
        MappedRamError: as `ClusterMap` does.
        OSError: reading failed.
    """

    def __init__(self, image: Qcow2Image, snapshot: InternalSnapshot) -> None:
        super().__init__(image.source)
        image.refuse_unreadable()
        if not snapshot.vm_state_size:
            raise UnsupportedError(
                f"the snapshot {snapshot.name!r} has no VM state: only the disk was saved",
                offset=snapshot.offset,
                path=f"{snapshot.path}/vm_state_size",
            )
        self.image = image
        self.snapshot = snapshot
        self.is_device = self.recycled = True
        self.chosen = snapshot.id
        self._map = ClusterMap(image, snapshot)
        self._cluster = lru_cache(_CLUSTERS_KEPT)(self._decompressed)
        self.size = self._map.size

    @property
    def allocated(self) -> int:
        """Bytes of its clusters."""
        return sum(end - start for start, end in self.extents(0, self.size))

    @property
    def hides_holes(self) -> bool:
        """A cluster is allocated as a whole, whatever was written into it."""
        return True

    def read(self, offset: int, length: int) -> bytes:
        """As for `Source`.

        Raises:
            FormatError: an L2 entry has a value that QEMU refuses, or a cluster is damaged.
            TruncatedError: the image ends before a cluster.
        """
        end = min(offset + length, self.size)
        parts = [self._bytes(piece) for piece in self._map.pieces(offset, end)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extents(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """As for `Source`: the clusters that are allocated."""
        held: tuple[int, int] | None = None
        for piece in self._map.pieces(start, min(end, self.size)):
            if piece.where == Where.NOWHERE:
                continue
            if held and held[1] == piece.start:
                held = held[0], piece.end
                continue
            if held:
                yield held
            held = piece.start, piece.end
        if held:
            yield held

    def view(self, offset: int, length: int) -> memoryview | None:
        """As for `Source`, where the bytes are stored together."""
        place = self._together(offset, offset + length) if length else None
        return None if place is None else self.base.view(place, length)

    def share(self, start: int, end: int, target: int, place: int) -> bool:
        """As for `Source`, where the bytes are stored together."""
        found = self._together(start, end)
        if found is None:
            return False
        return self.base.share(found, found + end - start, target, place)

    def copy_to(self, target: int, length: int, start: int, place: int) -> int:
        """As for `Source`; copies no more than what is stored together."""
        piece = next(self._map.pieces(start, min(start + length, self.size)), None)
        if piece is None or piece.where != Where.STORED:
            return 0
        return self.base.copy_to(target, piece.end - piece.start, piece.place, place)

    def fill_at_once(self, views: Sequence[memoryview], offset: int) -> bool:
        """As for `Source`, where the bytes are stored together."""
        place = self._together(offset, offset + sum(map(len, views)))
        return place is not None and self.base.fill_at_once(views, place)

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """As for `Source`."""
        self.base.prefetch(
            place for start, end in ranges for place in self._places(start, min(end, self.size))
        )

    def reading_ahead(self, runs: "Runs", times: int = 1) -> AbstractContextManager[None]:
        """No hint to the image: its tables are read between the pages, in any order."""
        del runs, times
        return nullcontext()

    def _places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where the bytes of [start, end) that are stored, uncompressed, are in the image."""
        for piece in self._map.pieces(start, end):
            if piece.where == Where.STORED:
                yield piece.place, piece.place + piece.end - piece.start

    def close(self) -> None:
        """Close the image."""
        self.base.close()

    def _together(self, start: int, end: int) -> int | None:
        """Where [start, end) is in the image; None if it is not in one piece, uncompressed."""
        if end > self.size:
            return None
        pieces = self._map.pieces(start, end)
        first = next(pieces, None)
        if first is None or first.end < end or first.where != Where.STORED:
            return None
        return first.place

    def _bytes(self, piece: ClusterPiece) -> bytes:
        length = piece.end - piece.start
        if piece.where == Where.NOWHERE:
            return bytes(length)
        if piece.where == Where.COMPRESSED:
            skipped = piece.start % self.image.cluster_size
            return self._cluster(piece.place)[skipped : skipped + length]
        if piece.place >= self.base.size:
            raise TruncatedError(
                f"the image ends at {self.base.size:#x}, before a cluster of the VM state at"
                f" {piece.place:#x}",
                offset=piece.place,
                path=self.snapshot.path,
            )
        # A writer need not fill the last cluster of an image.
        return self.base.read(piece.place, length).ljust(length, b"\0")

    def _decompressed(self, entry: int) -> bytes:
        return decompressed(self.image, entry)


def choose(image: Qcow2Image, wanted: str | None) -> InternalSnapshot:
    """The snapshot with an id or a name; without one, the only snapshot with a VM state.

    As for `qemu-img snapshot`, an id takes precedence over a name, and the first of several
    snapshots with one name is meant.

    Raises:
        UnsupportedError: no snapshot has a VM state.
        SnapshotChoiceError: there is no such snapshot, or there are several to choose from.
        MappedRamError: as `Qcow2Image.snapshots` does.
    """
    if wanted is not None:
        for told in ("id", "name"):
            for one in image.snapshots:
                if getattr(one, told) == wanted:
                    return one
        raise SnapshotChoiceError(wanted, _told(image.snapshots))
    states = [one for one in image.snapshots if one.vm_state_size]
    if len(states) == 1:
        return states[0]
    if states:
        raise SnapshotChoiceError(None, _told(states))
    count = len(image.snapshots)
    raise UnsupportedError(
        "a qcow2 image without the state of a guest: it has"
        + (
            f" {count} snapshot{'s' * (count > 1)}, of the disk alone"
            if count
            else " no internal snapshot"
        ),
        offset=0,
    )


def open_vm_state(source: Source, wanted: str | None) -> VmStateSource:
    """The VM state of a snapshot in a qcow2 image; it closes `source` with itself.

    Args:
        source: the image.
        wanted: id or name of the snapshot; None for the only one with a VM state.

    Raises:
        MappedRamError: as `Qcow2Image`, `choose` and `VmStateSource` do.
        OSError: reading failed.
    """
    image = Qcow2Image(source)
    return VmStateSource(image, choose(image, wanted))


def _told(snapshots: Sequence[InternalSnapshot]) -> tuple[str, ...]:
    return tuple(f"{one.name!r} (id {one.id})" for one in snapshots)
