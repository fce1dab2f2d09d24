"""Regions of a file as `layout` shows them: repeated runs are folded, bytes are sampled."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.printable import plural
from mappedram.stream.model import Section
from mappedram.stream.regions import Region
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.sections import folded_sections, section_key
from mappedram.view.text import folded, hex_lines

#: Bytes shown of a region that is not a structure.
_SAMPLE = 32
#: Most bytes of padding to read; QEMU's padding is always shorter.
_PADDING_MAX = MAPPED_RAM_FILE_OFFSET_ALIGNMENT


class Fold(NamedTuple):
    """Regions that are not shown because they repeat those before."""

    what: str
    offset: int
    end: int

    def __str__(self) -> str:
        return f"{self.what} {self.offset:#x} to {self.end:#x}"


def pieces(
    snapshot: OpenSnapshot, regions: Sequence[Region]
) -> Iterator[tuple[list[Region], Fold | None]]:
    """Yield the regions to show, and a `Fold` in place of those that repeat them.

    Sections that are alike are folded, each with all of its regions.
    """
    sections = {section.path: section for section in snapshot.sections}
    groups = [
        (sections.get(path), list(members))
        for path, members in groupby(regions, key=lambda region: region.path.rpartition("/")[0])
    ]
    for shown, hidden in folded(groups, _group_key):
        yield [region for _, members in shown for region in members], None
        if hidden:
            yield [], _fold(hidden)


def _group_key(group: tuple[Section | None, list[Region]]) -> object:
    section, members = group
    return section_key(section) if section else members[0].path


def _fold(hidden: Sequence[tuple[Section | None, list[Region]]]) -> Fold:
    what = folded_sections([section for section, _ in hidden if section])
    return Fold(what, hidden[0][1][0].offset, hidden[-1][1][-1].end)


def sample(snapshot: OpenSnapshot, region: Region) -> Iterator[str]:
    """First bytes of a region that is not a structure, or a note that it is zero."""
    start = region.offset
    if region.kind == "padding" and region.length <= _PADDING_MAX:
        stray = _first_nonzero(snapshot, region)
        if stray is None:
            yield "zeros"
            return
        start = max(region.offset, stray - stray % 16)
        if start > region.offset:
            yield f"{plural(start - region.offset, 'zero byte')}, then"
    data = snapshot.source.read(start, min(region.end - start, _SAMPLE))
    yield from hex_lines(start, data)
    if region.end - start > len(data):
        yield f"… {region.end - start - len(data)} more bytes"


def _first_nonzero(snapshot: OpenSnapshot, region: Region) -> int | None:
    for start, end in snapshot.source.extents(region.offset, region.end):
        data = snapshot.source.read(start, end - start)
        rest = data.lstrip(b"\0")
        if rest:
            return start + len(data) - len(rest)
    return None
