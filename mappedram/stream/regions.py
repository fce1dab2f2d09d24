"""Partition a file into named regions, in order, without overlap and without gaps."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from mappedram.format import structures
from mappedram.format.constants import CommandType, SectionType
from mappedram.stream.model import Element, Section, Stream, is_kind

#: Priority of a region if two claim a byte: parts of the stream win over targets of an offset.
_RANK = {"element": 0, "payload": 1, "text": 1, "bitmap": 2, "pages": 3, "padding": 4, "gap": 5}


class Region(NamedTuple):
    """A run of bytes with one name.

    `kind` is one of element, payload, text, bitmap, pages, padding and gap; `element` is the
    structure that fills a region of kind element.
    """

    offset: int
    length: int
    name: str
    path: str
    kind: str
    element: Element[object] | None = None

    @property
    def end(self) -> int:
        """First byte after the region."""
        return self.offset + self.length


def regions(stream: Stream) -> list[Region]:
    """Partition the file into regions, in the order of the file."""
    claims = sorted(
        (claim for claim in claimed(stream) if claim.length > 0),
        key=lambda claim: (claim.offset, claim.end),
    )
    if any(here.end > there.offset for here, there in pairwise(claims)):
        claims = list(_share_out(claims))
    return list(_with_gaps(claims, stream))


def claimed(stream: Stream) -> Iterator[Region]:
    """All regions that the stream claims, cut at the end of the file; they may overlap."""
    for claim in _claims(stream):
        beyond = claim.end - stream.file_size
        yield claim._replace(length=claim.length - beyond) if beyond > 0 else claim


def _claims(stream: Stream) -> Iterator[Region]:
    names = _section_names(stream)
    for element in stream.elements:
        name = _element_name(element, names)
        yield Region(element.offset, element.length, name, element.path, "element", element)
    for section in stream.sections:
        if section.type == SectionType.VMDESCRIPTION:
            path = f"{section.path}/json"
            yield Region(
                section.payload_offset, section.payload_length, "vmdescription text", path, "text"
            )
        elif section.payload_length and not (stream.mapped_ram and _is_followed(section)):
            yield Region(
                section.payload_offset,
                section.payload_length,
                f"payload of {names[section.path]}",
                f"{section.path}/payload",
                "payload",
            )
    blocks = {block.path: block.idstr for block in stream.blocks}
    for area in stream.areas:
        owner, _, kind = area.path.rpartition("/")
        name = f"{_AREA_NAMES[kind]} {blocks[owner]}"
        yield Region(area.offset, area.length, name, area.path, kind)


def _is_followed(section: Section) -> bool:
    """Whether the payload consists of structures with regions of their own."""
    return section.idstr == "ram" and section.type != SectionType.FULL


def _section_names(stream: Stream) -> dict[str, str]:
    """Name of each section, by its path."""
    names = {}
    for section in stream.sections:
        if section.command is not None:
            known = section.command in set(CommandType)
            what = CommandType(section.command).name if known else f"{section.command:#x}"
            names[section.path] = f"COMMAND {what}"
        elif section.section_id is None:
            names[section.path] = section.type.name
        else:
            who = section.idstr if section.idstr is not None else f"id {section.section_id}"
            names[section.path] = f"{section.type.name} {who}"
    return names


_AREA_NAMES = {
    "bitmap": "bitmap of",
    "padding": "padding before the pages of",
    "pages": "pages of",
}
_ELEMENT_NAMES: dict[str, str] = {
    structures.STREAM_HEADER: "stream header",
    structures.CONFIGURATION_HEADER: "configuration",
    structures.MEM_SIZE: "RAM_SAVE_FLAG_MEM_SIZE",
    structures.END_OF_SECTION: "RAM_SAVE_FLAG_EOS",
}


def _element_name(element: Element[object], names: dict[str, str]) -> str:
    if is_kind(element, structures.CONFIGURATION_SUBSECTION):
        return element.values["idstr"]
    if is_kind(element, structures.RAMBLOCK_HEADER):
        return f"header of {element.values['idstr']}"
    if element.kind in _ELEMENT_NAMES:
        return _ELEMENT_NAMES[element.kind]
    section = names.get(element.path.rpartition("/")[0], "a section")
    return f"footer of {section}" if element.kind == structures.SECTION_FOOTER else section


def _share_out(claims: list[Region]) -> Iterator[Region]:
    """Cut overlapping claims so that the lowest rank keeps each byte."""
    edges = sorted({edge for claim in claims for edge in (claim.offset, claim.end)})
    open_claims: list[tuple[int, int, Region]] = []
    coming = iter(enumerate(claims))
    pending = next(coming, None)
    held: Region | None = None
    for start, end in pairwise(edges):
        while pending and pending[1].offset <= start:
            order, claim = pending
            heappush(open_claims, (_RANK[claim.kind], order, claim))
            pending = next(coming, None)
        while open_claims and open_claims[0][2].end <= start:
            heappop(open_claims)
        owner = open_claims[0][2] if open_claims else None
        if owner is None:
            continue
        if held and held.path == owner.path and held.end == start:
            held = held._replace(length=end - held.offset)
            continue
        if held:
            yield held
        whole = owner.offset == start and owner.end == end
        held = owner._replace(
            offset=start, length=end - start, element=owner.element if whole else None
        )
    if held:
        yield held


def _with_gaps(claims: list[Region], stream: Stream) -> Iterator[Region]:
    position = 0
    for claim in claims:
        if claim.offset > position:
            yield _gap(position, claim.offset, stream)
        yield claim
        position = claim.end
    if position < stream.file_size:
        yield _gap(position, stream.file_size, stream)


def _gap(start: int, end: int, stream: Stream) -> Region:
    if end <= stream.offset:
        name = "before the stream"
    elif start >= stream.end:
        name = "after the stream" if stream.ended else "not followed"
    else:
        name = "gap"
    return Region(start, end - start, name, f"/{name.replace(' ', '_')}", "gap")
