"""Compare memory after a load with the expected snapshot, byte for byte.

Pages that both take from the same place are not read: their bytes are the same.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from mappedram.io.source import Source
from mappedram.qemu.loader.destination import Destination
from mappedram.qemu.loader.ram import RamLoad
from mappedram.stream.block import Block
from mappedram.stream.snapshot import OpenSnapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

    #: File offset of each page; negative for a zero page.
    Places = NDArray[np.int64]
    #: File offset of page 0, and the runs of present pages.
    Area = tuple[int, Runs]

_NOWHERE = -1
#: Pages compared in one step.
_STEP = 1 << 20
#: Pages read at a time.
_PAGES = 256


def differs(
    load: RamLoad, source: Source, destination: Destination, reference: OpenSnapshot
) -> bool:
    """Whether a watched block differs from the reference."""
    for block in reference.blocks:
        if destination.watched is None or block.idstr in destination.watched:
            brought = [
                (entry.pages_offset, load.runs_of(entry))
                for entry in load.brought
                if entry.idstr == block.idstr
            ]
            if _block_differs(block, brought, source):
                return True
    return False


def _block_differs(block: Block, brought: "list[Area]", source: Source) -> bool:
    own = [(block.model.pages_offset or 0, block.runs())] if block.bitmap.any() else []
    if [_key(area) for area in own] == [_key(area) for area in brought]:
        return False
    size = block.page_size
    for first in range(0, block.num_pages, _STEP):
        last = min(first + _STEP, block.num_pages)
        here, there = (_places(areas, size, first, last) for areas in (brought, own))
        for start, stop in _stretches(here, there, size):
            length = (stop - start) * size
            mine = _memory(source, int(here[start]), length)
            if mine != _memory(block.source, int(there[start]), length):
                return True
    return False


def _key(area: "Area") -> tuple[int, bytes]:
    pages_offset, runs = area
    return pages_offset, runs.tobytes()


def _places(areas: "list[Area]", page_size: int, first: int, last: int) -> "Places":
    """File offset of each page of [first, last); if there are several, the last one."""
    import numpy as np

    places = np.full(last - first, _NOWHERE, np.int64)
    for pages_offset, pages in areas:
        runs = pages.clip(first, last) - first
        for start, stop in runs[runs[:, 0] < runs[:, 1]].tolist():
            offset = pages_offset + (first + start) * page_size
            places[start:stop] = offset + np.arange(stop - start) * page_size
    return places


def _stretches(here: "Places", there: "Places", page_size: int) -> Iterator[tuple[int, int]]:
    """Ranges of pages that come from different places, contiguous or absent on both sides."""
    import numpy as np

    differ = here != there
    breaks = np.flatnonzero(
        _leaps(here, page_size) | _leaps(there, page_size) | (differ[1:] != differ[:-1])
    )
    edges = [0, *(breaks + 1).tolist(), len(here)]
    for start, stop in pairwise(edges):
        if differ[start]:
            for page in range(start, stop, _PAGES):
                yield page, min(page + _PAGES, stop)


def _leaps(places: "Places", page_size: int) -> "NDArray[np.bool_]":
    """Whether the next page does not directly follow this one."""
    steps = places[1:] - places[:-1]
    both_nowhere = (places[1:] == _NOWHERE) & (places[:-1] == _NOWHERE)
    leaps: NDArray[np.bool_] = (steps != page_size) & ~both_nowhere
    return leaps


def _memory(source: Source, place: int, length: int) -> bytes:
    return bytes(length) if place == _NOWHERE else source.read(place, length)
