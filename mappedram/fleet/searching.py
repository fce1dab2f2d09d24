"""`fleet search`: search the memory of each guest, as `search` does; large ones in pieces.

A piece is a range of addresses. A match belongs to the piece where it begins, and so each piece is
searched a little beyond its end.
"""

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from mappedram.errors import FormatError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import Cell, Engine, Entry, Outcome, told
from mappedram.guest.physical import PhysicalMemory, physical_map
from mappedram.guest.physical.located import block_memory
from mappedram.guest.physical.match_view import MatchView
from mappedram.stream.coverage import require_known
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.unknown import as_dicts

#: Stored bytes of a piece; a file with less than twice as many is not divided.
PIECE = 256 << 20
#: Exit status for a file of which a part is unknown, and was passed over.
_PARTIAL = 2


@dataclass(frozen=True)
class SearchJob:
    """Search files.

    Attributes:
        label: the options that the results depend on.
        pattern: the bytes that are sought.
        idstr: the RAM block to search; None for physical memory.
        below_4g: size of main memory below 4 GiB, if known.
        context: bytes to show before and behind each match.
        limit: matches after which to stop, for each file; None for no limit.
        only_count: whether to count matches only.
        partial: whether to pass over unknown memory, instead of refusing a file with some.
        offset: offset of the stream in each file.
        piece: stored bytes of a piece.
    """

    label: str
    pattern: bytes
    idstr: str | None = None
    below_4g: int | None = None
    context: int = 0
    limit: int | None = None
    only_count: bool = False
    partial: bool = False
    offset: int = 0
    piece: int = PIECE

    def __call__(self, file: FleetFile) -> Entry:
        """The matches in a file or in a piece of it; for a large file, its pieces instead.

        Raises:
            OSError: it cannot be opened or read.
            FormatError: it cannot be parsed, or nothing is known of its machine.
            UnknownPagesError: some of its memory is unknown.
        """
        damage: list[FormatError] = []
        on_damage = damage.append if self.partial else None
        with open_any(file.place, self.offset, partial=True, on_damage=on_damage) as (snapshot, _):
            memory, doubts = self._memory(snapshot)
            idstrs = {one.idstr for one in memory.map.ranges}
            unknown = [one for one in snapshot.coverages(idstrs) if one.unknown]
            if not self.partial:
                require_known(unknown, snapshot.stream.stopped)
            pieces = () if file.piece else tuple(_pieces(memory, self.piece))
            return {
                "file": file.name,
                "pattern": self.pattern.hex(),
                **(self._nothing() if pieces else self._found(memory, file.piece)),
                "unknown": list(as_dicts(unknown)),
                "doubts": [*doubts, *map(str, damage)],
                "status": _PARTIAL if unknown or damage else 0,
                **({"pieces": pieces} if pieces else {}),
            }

    def _memory(self, snapshot: OpenSnapshot) -> tuple[PhysicalMemory, tuple[str, ...]]:
        """The memory to search, and what is not certain about its addresses."""
        snapshot.require_blocks()
        if self.idstr is not None:
            return block_memory(snapshot, snapshot.block[self.idstr]), ()
        found = physical_map(snapshot, self.below_4g)
        return PhysicalMemory(snapshot, found), found.doubts

    def _nothing(self) -> Entry:
        return {"count": 0} if self.only_count else {"matches": []}

    def _found(self, memory: PhysicalMemory, piece: tuple[int, int] | None) -> Entry:
        part = memory
        if piece is not None:
            start, stop = piece
            part = memory.part(start, stop + len(self.pattern) - 1)
        found = islice(part.search(self.pattern, partial=True), self.limit)
        if self.only_count:
            return {"count": sum(1 for _ in found)}
        physical = self.idstr is None
        view = MatchView(memory, len(self.pattern), self.context, physical=physical)
        return {"matches": [view.as_dict(address) for address in found]}

    def without_result(self, file: FleetFile, message: str) -> Entry:
        """The result for a file that could not be searched."""
        return {"file": file.name, "pattern": self.pattern.hex(), "error": message}

    def counts(self, entry: Entry) -> tuple[Cell, ...]:
        """Whether the pattern was found."""
        if "error" in entry:
            return (("found", "error", "files"),)
        number = entry["count"] if self.only_count else len(entry["matches"])
        return (("found", "yes" if number else "no", "files"),)

    def joined(self, entries: Iterable[Entry]) -> Entry:
        """The result for a file from those of its pieces, in their order."""
        first, *others = entries
        whole = next((entry for entry in (first, *others) if "error" in entry), None)
        if whole is not None:
            return whole
        for entry in others:
            if self.only_count:
                first["count"] += entry["count"]
            else:
                first["matches"] += entry["matches"]
        if self.limit is not None and self.only_count:
            first["count"] = min(first["count"], self.limit)
        elif self.limit is not None:
            del first["matches"][self.limit :]
        return first


def _pieces(memory: PhysicalMemory, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of addresses with `size` stored bytes each; none if that would be one."""
    import numpy as np

    ranges = memory.map.ranges
    parts = [runs for one in ranges for runs in memory.iter_data_runs(one)]
    if not parts:
        return
    runs = np.concatenate(parts)
    ends = np.cumsum(runs[:, 1] - runs[:, 0])
    if ends[-1] < 2 * size:
        return
    places = np.arange(size, int(ends[-1]), size)
    index = np.searchsorted(ends, places)
    borders = (runs[index, 1] - (ends[index] - places)).tolist()
    yield from zip((ranges[0].gpa, *borders), (*borders, ranges[-1].end), strict=True)


@dataclass(slots=True)
class _Divided:
    """A file that is searched in pieces."""

    file: FleetFile
    left: int
    entries: dict[tuple[int, int], Entry] = field(default_factory=dict)


def search_all(
    engine: Engine, job: SearchJob, files: Iterable[FleetFile]
) -> Generator[Outcome, None, None]:
    """Search files; those that are divided come last, in pieces that any worker takes.

    Args:
        engine: does the work.
        job: the search.
        files: the files.
    """
    divided: dict[str, _Divided] = {}
    pieces: list[FleetFile] = []
    for outcome in engine.run(job, files):
        if not outcome.pieces:
            yield outcome
            continue
        file = outcome.file
        divided[file.name] = _Divided(file, len(outcome.pieces))
        pieces += (replace(file, piece=piece) for piece in outcome.pieces)
    for outcome in engine.run(job, pieces):
        assert outcome.file.piece is not None
        one = divided[outcome.file.name]
        one.entries[outcome.file.piece] = json.loads(outcome.text)
        one.left -= 1
        if not one.left:
            del divided[outcome.file.name]
            yield _whole(job, one)


def _whole(job: SearchJob, one: _Divided) -> Outcome:
    entry = job.joined(entry for _, entry in sorted(one.entries.items(), key=_piece))
    return told(job, one.file, entry)


def _piece(item: tuple[tuple[int, int], Entry]) -> tuple[int, int]:
    return item[0]
