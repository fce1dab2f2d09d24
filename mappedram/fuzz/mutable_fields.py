"""What of a file mutations change: fields of its headers, bitmaps, the JSON text."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from mappedram.format.structures import SECTION_START
from mappedram.fuzz.numbers import Places
from mappedram.stream.model import Element, is_kind
from mappedram.stream.snapshot import OpenSnapshot

#: Kinds of changed parts: headers of the stream, its configuration and RAM; bitmaps; headers and
#: ends of sections; the JSON text; the length of the file; page records without mapped-ram.
KINDS = ("headers", "bitmaps", "sections", "description", "length", "records")

#: Only the beginning of a longer bitmap is changed: this size covers 1 TiB.
_BITMAP_MAX = 32 << 20
#: Only the beginning of a longer JSON text is changed.
_DESCRIPTION_MAX = 1 << 20
#: Structures around the devices.
_ENVELOPE = {"section_start", "section_footer", "command", "end_of_stream", "vmdescription"}


class MutableField(NamedTuple):
    """Bytes that can be changed: a field of a header, or a piece of a bitmap."""

    path: str
    offset: int
    value: bytes
    is_number: bool


class _Group(NamedTuple):
    """Fields of one part of the file.

    Attributes:
        fits: matches the beginning of their paths.
        weight: relative frequency: most fields are in footers, but most checks are about blocks.
        kind: kind of their changes, of `KINDS`.
    """

    fits: re.Pattern[str]
    weight: int
    kind: str


#: The first match counts.
GROUPS = tuple(
    _Group(re.compile(pattern), weight, kind)
    for pattern, weight, kind in (
        (r"/length$", 0, "length"),
        (r"/ram/.*/bitmap\b", 0, "bitmaps"),
        (r"/sections\[\d+\]/records\[", 0, "records"),
        (r"/sections\[\d+\]/description\b", 0, "description"),
        (r"/header/", 3, "headers"),
        (r"/configuration/", 10, "headers"),
        (r"/ram/", 45, "headers"),
        (r"/sections\[\d+\]/mem_size/", 7, "headers"),
        (r"/sections\[\d+\]/header/vmdesc_len$", 1, "description"),
        (r"/sections\[\d+\]/eos/", 8, "sections"),
        (r"/sections\[\d+\]/footer/", 8, "sections"),
        (r"", 18, "sections"),
    )
)


def kind_of(path: str) -> str:
    """Kind of a change to the field of that path, one of `KINDS`."""
    return GROUPS[group_of(path)].kind


#: Structures whose fields are text or payload, and are not changed as fields.
_TEXT = {"idstr", "name", "magic", "data"}


def fields(snapshot: OpenSnapshot) -> Iterator[MutableField]:
    """The fields of headers, in the order of the file."""
    for element in _elements(snapshot):
        data = snapshot.source.peek(element.offset, element.length)
        for span in snapshot.driver.spans(element.kind, data, element.params):
            value = data[span.start : span.end]
            name = span.path.rpartition("/")[2]
            if value:
                path, offset = f"{element.path}/{span.path}", element.offset + span.start
                yield MutableField(path, offset, value, name not in _TEXT)


def grouped(found: Iterable[tuple[MutableField, int]]) -> list[tuple[list[MutableField], int]]:
    """The fields by group, with the weight of each non-empty group."""
    groups: list[tuple[list[MutableField], int]] = [([], group.weight) for group in GROUPS]
    for field, group in found:
        groups[group][0].append(field)
    return [group for group in groups if group[0]]


@lru_cache(4096)
def group_of(path: str) -> int:
    """The group of a field; the last group takes any."""
    return next(number for number, group in enumerate(GROUPS) if group.fits.match(path))


def _elements(snapshot: OpenSnapshot) -> Iterator[Element[object]]:
    """The structures of the stream; behind the first device, only those around devices."""
    devices = 0
    for element in snapshot.stream.elements:
        if is_kind(element, SECTION_START) and element.values["idstr"] != "ram":
            devices += 1
        if devices <= 1 or element.kind in _ENVELOPE:
            yield element


def description(snapshot: OpenSnapshot) -> MutableField | None:
    """The part of the JSON text that the file has."""
    text, stream = snapshot.stream.vmdescription, snapshot.stream
    section = next((e for e in stream.elements if e.kind == "vmdescription"), None)
    if text is None or section is None:
        return None
    data = snapshot.source.peek(section.end, min(text.length, _DESCRIPTION_MAX))
    path = section.path.removesuffix("/header") + "/description"
    return MutableField(path, section.end, data, is_number=False) if data else None


def bitmaps(snapshot: OpenSnapshot) -> Iterator[MutableField]:
    """Complete bitmaps in the file."""
    for block in snapshot.stream.blocks:
        offset, size = block.bitmap_offset, block.bitmap_size
        if offset is not None and size and offset + size <= snapshot.source.size:
            data = snapshot.source.read(offset, min(size, _BITMAP_MAX))
            yield MutableField(f"{block.path}/bitmap", offset, data, is_number=False)


def places(snapshot: OpenSnapshot) -> Places:
    """The places and lengths of the file that numbers may become."""
    elements, blocks = snapshot.stream.elements, snapshot.stream.blocks
    everything = {0, snapshot.stream.file_size}
    for element in elements:
        everything |= {element.offset, element.end}
    for block in blocks:
        everything |= {block.used_length, block.next_offset, block.num_pages, block.bitmap_size}
        everything |= {block.bitmap_offset or 0, block.pages_offset or 0}
    # A block without data has no pages to limit the bitmap.
    pages = [block.pages_offset for block in blocks if block.pages_offset is not None]
    first_page = min(pages, default=0)
    return Places(
        sorted(everything),
        [element.offset for element in elements if element.offset <= first_page],
        sorted({block.used_length for block in blocks}),
    )
