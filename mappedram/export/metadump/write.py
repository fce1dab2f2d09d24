"""Write a metadump: packed, or as a sparse file with everything in its place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mappedram.export.metadump.packing import LEVELS, Packer
from mappedram.export.metadump.pages import DIGEST_SIZE, Stood, block_places, body_places, hasher
from mappedram.export.metadump.plan import MetadumpPlan
from mappedram.export.metadump.runs import places_of, touching
from mappedram.io import system
from mappedram.io.copying import Progress, WriteTarget, grouped
from mappedram.io.metadump import CHUNK_SIZE, MARK, NUMBERS_MAX
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.stream import intervals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

#: Columns of a table of places at equal distances.
Columns: TypeAlias = tuple["NDArray[np.int64]", ...]

#: Extents are tables of numbers, too; if they exceed half of all numbers, some are left out.
EXTENTS_MAX = NUMBERS_MAX // 2
#: Most devices whose omissions the directory lists; hostile files have millions.
_DEVICES_MAX = 10_000


@dataclass
class WrittenMetadump:
    """Contents of a metadump.

    Attributes:
        size: bytes of the original file.
        data: bytes of it that are not in holes.
        kept: bytes that were kept or replaced.
        in_pages: bytes of `data` that were pages.
        digests: number of pages with a digest.
        marks: number of pages that are only marked as not zero.
    """

    size: int
    data: int = 0
    kept: int = 0
    in_pages: int = 0
    digests: int = 0
    marks: int = 0

    def to_dict(self) -> dict[str, int]:
        """For JSON."""
        return {
            "size": self.size,
            "data_bytes": self.data,
            "kept_bytes": self.kept,
            "page_bytes_left_out": self.in_pages,
            "digests": self.digests,
            "marks": self.marks,
        }


def write_packed(
    plan: MetadumpPlan, fd: int, *, about: Mapping[str, Json], progress: Progress | None = None
) -> WrittenMetadump:
    """Write the metadump into the empty file open as `fd`.

    Args:
        plan: the plan.
        fd: descriptor of an empty seekable file, open for writing.
        about: description of what was left out, for its reader.
        progress: called with the number of bytes of pages read.

    Raises:
        UnsupportedError: the file has more runs than a metadump holds.
        OSError: reading or writing failed.
    """
    source, file = plan.source, Packer(fd)
    system.begin(fd, 0, 0, *source.descriptors)
    written = WrittenMetadump(source.size)
    extents = intervals.from_pairs(source.extents(0, source.size))
    written.data = intervals.size(extents)
    kept_extents = extents if 2 * len(extents) <= EXTENTS_MAX else _coarse(plan, extents)
    file.table("extents", *kept_extents.T)
    pieces = _contents(plan, extents, file)
    written.kept = intervals.size(pieces)
    file.table("pieces", *_strided(*pieces.T))
    has_digests = plan.options.key is not None
    pages = _pages(plan, extents, file, progress)
    count = int(pages[3].sum())
    written.digests, written.marks = (count, 0) if has_digests else (0, count)
    written.in_pages = _in_pages(plan, extents)
    file.table("pages", *pages)
    for name in LEVELS:
        file.table(name, *intervals.from_pairs(file.chunks[name]).T)
    summary = {**about, **written.to_dict()}
    directory: Mapping[str, Json] = {
        "size": source.size,
        "is_device": source.is_device,
        "recycled": source.recycled,
        "has_digests": has_digests,
    }
    file.end(directory, summary, summary_of(plan))
    return written


def summary_of(plan: MetadumpPlan) -> dict[str, Json]:
    """Summary of what was left out, by device and text."""
    options = plan.options
    return {
        "pages": "digests" if options.key is not None else "none",
        "state": options.policy.state,
        "names": options.names,
        "hidden_bytes": plan.hidden,
        "devices": [device.to_dict() for device in plan.devices[:_DEVICES_MAX]],
    }


def write_unpacked(source: Source, fd: int, *, progress: Progress | None = None) -> None:
    """Write the unpacked file of a metadump into the empty file open as `fd`.

    Data stays data, so that the file takes the same space on the disk as the original.

    Raises:
        OSError: reading or writing failed.
    """
    system.begin(fd, 0, source.size, *source.descriptors)
    system.end_at(fd, source.size)
    target = WriteTarget(fd)
    for start, end in source.extents(0, source.size):
        for first in range(start, end, CHUNK_SIZE):
            last = min(first + CHUNK_SIZE, end)
            target.write(source.read(first, last - first), first)
            if progress:
                progress(last - first)


def _coarse(plan: MetadumpPlan, extents: "Runs") -> "Runs":
    """Join extents across gaps without stored pages: those read as zeros anyway."""
    parts = [extents]
    for block in plan.context.judged if plan.context else ():
        unset = intervals.complement(block.bitmap.runs(), 0, block.num_pages)
        parts.append(unset * block.page_size + (block.model.pages_offset or 0))
    return intervals.union(*parts)


def _contents(plan: MetadumpPlan, extents: "Runs", file: Packer) -> "Runs":
    """Write all kept bytes; return their places in the original."""
    import numpy as np

    runs = intervals.intersection(plan.kept.runs(), _known(plan.source, extents))
    literals = plan.kept.literals
    ranges = intervals.from_pairs((at, at + len(data)) for at, data in literals)
    pieces = np.concatenate((runs, ranges))
    pieces = pieces[np.argsort(pieces[:, 0], kind="stable")]
    for data in _in_order(_ranges(plan.source, runs), literals):
        file.add("contents", data)
    file.finish("contents")
    return pieces


def _known(source: Source, extents: "Runs") -> "Runs":
    """The extents without unknown parts, if the source is itself a metadump."""
    left_out = intervals.from_pairs(source.left_out(0, source.size))
    return intervals.intersection(extents, intervals.complement(left_out, 0, source.size))


def _ranges(source: Source, runs: "Runs") -> Iterator[tuple[int, "Runs", bytes]]:
    """Windows of the file with their offset, their runs, and the bytes of those."""
    import numpy as np

    for start, part in grouped(runs, CHUNK_SIZE):
        length = int(part[-1, 1]) - start
        data = source.read_exactly(start, length, "what is kept")
        if len(part) > 1:
            places = places_of(part, start, start + length)
            data = np.frombuffer(data, np.uint8)[places].tobytes()
        yield start, part, data


def _in_order(
    windows: Iterable[tuple[int, "Runs", bytes]], literals: list[tuple[int, bytes]]
) -> Iterator[bytes]:
    """Bytes of windows and literals in file order; a literal can lie within a window."""
    at = 0
    for _, part, data in windows:
        done = 0
        while at < len(literals) and literals[at][0] < int(part[-1, 1]):
            offset, literal = literals[at]
            before = touching(part, int(part[0, 0]), offset)
            length = intervals.size(before)
            yield data[done:length]
            yield literal
            done, at = length, at + 1
        yield data[done:]
    yield from (literal for _, literal in literals[at:])


def _pages(plan: MetadumpPlan, extents: "Runs", file: Packer, progress: Progress | None) -> Columns:
    """Write the digests, if any; return their places, or those of the marks."""
    import numpy as np

    width = DIGEST_SIZE if plan.options.key is not None else len(MARK)
    found = [np.empty(0, np.int64)]
    for places, digests in _places(plan, extents, progress):
        file.add("digests", digests)
        found.append(places)
    file.finish("digests")
    places = np.concatenate(found)
    return _strided(places, places + width)


def _places(plan: MetadumpPlan, extents: "Runs", progress: Progress | None) -> Iterator[Stood]:
    """Yield the pages to replace, in ascending order."""
    context, key = plan.context, plan.options.key
    make = hasher(key) if key is not None else None
    if context is None:
        return
    for block in sorted(context.judged, key=lambda block: block.model.pages_offset or 0):
        yield from block_places(block, extents, make, progress)
    page_size = context.stream.page_size
    if plan.bodies is not None and make and page_size:
        yield from body_places(plan.source, plan.bodies, page_size, make, progress)


def _strided(starts: "NDArray[np.int64]", ends: "NDArray[np.int64]") -> Columns:
    """Describe ascending runs as places at equal distances: first, width, step, count.

    Only the most frequent distance of neighbours is used.
    """
    import numpy as np

    widths, steps = ends - starts, np.diff(starts)
    alike = widths[1:] == widths[:-1]
    known, counts = np.unique(steps[alike], return_counts=True)
    step = int(known[counts.argmax()]) if len(known) else 0
    first = np.flatnonzero(np.append(True, ~(alike & (steps == step)))[: len(starts)])
    count = np.diff(np.append(first, len(starts)))
    apart = np.where(count > 1, step, widths[first])
    return starts[first], widths[first], apart, count


def _in_pages(plan: MetadumpPlan, extents: "Runs") -> int:
    """Bytes of data in page areas."""
    if plan.bodies is not None:
        return intervals.size(plan.bodies)
    if plan.context is None:
        return 0
    areas = intervals.from_pairs(
        (region.offset, region.end)
        for region in plan.context.snapshot.regions()
        if region.kind == "pages"
    )
    return intervals.size(intervals.intersection(areas, extents))
