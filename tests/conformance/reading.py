"""The reading of a file that a parser made from the spec must print, derived from Construct.

The drivers in `drivers/` print it as JSON. Fields have QEMU's names, except for numbers that the
spec reads in parts, which have those of the spec; bytes are hexadecimal.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from mappedram import FormatError, Snapshot
from mappedram import open as open_snapshot
from mappedram.format.constants import SectionType
from mappedram.stream.model import Element, RamBlock, Section
from tools.generate import ksy

Reading = dict[str, Any]

#: A driver leaves out longer bitmaps, and those outside the file.
BITMAP_MAX = 1 << 20
#: JavaScript represents all integers up to here.
MAX_SAFE_INTEGER = (1 << 53) - 1

MAGIC_SIZE = 4
#: Structure of a refused field, by its path in `mappedram`.
STRUCTURES = {
    r"/header": "stream_header",
    r"/configuration/header": "configuration_header",
    r"/configuration/subsections\[\d+\]": "configuration_subsection",
    r"/configuration/subsections\[\d+\]/body": "capabilities",
    r"/sections\[\d+\](/header)?": "section",
    r"/sections\[\d+\]/footer": "section_footer",
    r"/sections\[\d+\]/mem_size": "mem_size",
    r"/sections\[\d+\]/eos": "end_of_section",
    r"/ram/blocks\[\d+\]": "ramblock_header",
    r"/ram/blocks\[\d+\]/mapped_ram": "mapped_ram_header",
}
#: Values that `mapped_ram.ksy` reads again by itself, and the field where it does.
LOOKED_AT_AGAIN = {
    "/types/stream_section/instances/section_type": "section/section_type",
    "/types/stream_section/instances/len_packaged": "section/data",
}
#: The structures of the spec by their names.
TYPES = {entry.name: entry for entry in ksy.types()}
#: Bits of the parts in which the spec first reads each record of RAM.
WORD_BITS = [field.bits for field in TYPES["ram_word"].fields]


@dataclass(frozen=True)
class Construct:
    """The reading of one file, and whether it needs numbers beyond 2^53."""

    reading: Reading
    representable: bool


def expected(fd: int, offset: int) -> Construct:
    """What Construct reads from the stream at `offset`."""
    try:
        with open_snapshot(fd, offset, driver="construct", partial=True) as snapshot:
            return Construct(_reading(fd, snapshot), _representable(snapshot))
    except FormatError as error:
        return Construct(_refused(error, os.fstat(fd).st_size), representable=True)


def field_of(place: str) -> str:
    """The field that a generated parser names by its place in a `.ksy`, such as `/seq/0`."""
    if place in LOOKED_AT_AGAIN:
        return LOOKED_AT_AGAIN[place]
    steps = place.split("/")[1:]
    name = steps[1] if steps[0] == "types" else "stream_header"
    entries = [field.name for field in TYPES[name].fields for _ in field.parts or (None,)]
    structure = "section" if name in ("section_start", "section_part") else name
    return f"{structure}/{entries[int(steps[-1])]}"


def _refused(error: FormatError, file_size: int) -> Reading:
    path = str(error.path)
    # A number that leads out of the file is itself wrong: its permitted values are known.
    magic_is_cut = isinstance(error.actual, bytes) and len(error.actual) < MAGIC_SIZE
    if error.expected is None or (path == "/header/magic" and magic_is_cut):
        offset = error.offset or 0
        if re.fullmatch(r"/sections\[\d+\](/(mem_size|eos)/\w+)?", path):
            offset += _bytes_before_the_cut(file_size - offset)
        return {"verdict": "refused", "why": "short", "offset": offset}
    where, _, name = path.rpartition("/")
    structure = next(kind for path, kind in STRUCTURES.items() if re.fullmatch(path, where))
    return {"verdict": "refused", "why": "value", "field": f"{structure}/{name}"}


def _bytes_before_the_cut(available: int) -> int:
    """Bytes of a record's word before the part that the end of the file cuts."""
    ends = [-(-end // 8) for end in accumulate(WORD_BITS)]
    return max((end for end in ends if end <= available), default=0)


def _reading(fd: int, snapshot: Snapshot) -> Reading:
    stream = snapshot.stream
    walk = _Walk(fd, snapshot)
    for element in stream.elements:
        walk.pass_element(element)
        if walk.rest is not None:
            break
    rest = walk.page if walk.rest is None else walk.rest
    if rest is None and (stopped := stream.stopped) is not None:
        # The spec follows the file to its end, if that is between two sections.
        between = walk.sections and stopped.offset == stream.file_size
        if not (between and str(stopped.path).endswith("]/section_type")):
            return _refused(stopped, stream.file_size)
    return {
        "verdict": "accepted",
        "header": walk.header,
        "sections": walk.sections,
        "rest": stream.end if rest is None else rest,
    }


class _Walk:
    """Converts the structures that `mappedram` lists one by one into the shape of the spec."""

    def __init__(self, fd: int, snapshot: Snapshot) -> None:
        self.fd = fd
        self.stream = snapshot.stream
        self.blocks = {block.offset: block for block in self.stream.blocks}
        self.places = {section.offset: section for section in self.stream.sections}
        self.header: Reading = {}
        self.sections: list[Reading] = []
        #: Where the spec stops, once it does.
        self.rest: int | None = None
        #: The first page among the records of RAM, where it will stop.
        self.page: int | None = None

    def pass_element(self, element: Element[object]) -> None:
        """Dispatch on the kind of the structure; the spec has none of live devices."""
        if self.page is not None and element.offset >= self.page:
            self.rest = self.page
        elif take := getattr(self, f"_{element.kind}", None):
            take(element, _parts(element.kind, _plain(element.values)))

    def _stream_header(self, element: Element[object], values: Reading) -> None:  # noqa: ARG002
        self.header = values

    def _configuration_header(self, element: Element[object], values: Reading) -> None:
        self._add(element, values, (element.end, 0))

    _configuration_subsection = _configuration_header

    def _section_start(self, element: Element[object], values: Reading) -> None:
        section = self.places.get(element.offset)
        assert section is not None
        is_ram = section.idstr == "ram" and section.type != SectionType.FULL
        if not is_ram and section.footer_id is None:
            self._stop(element, values, section.payload_offset)
            return
        place = (section.payload_offset, section.payload_length)
        has_pages = is_ram and not self.stream.mapped_ram
        self.page = self._first_page(section) if has_pages else None
        if self.page is not None:
            self._add(element, values, None, [])
            return
        self._add(element, values, place, [] if is_ram else None)

    _section_part = _section_start

    def _command(self, element: Element[object], values: Reading) -> None:
        # The packaged stream may lead out of the file; then the section is not listed.
        section = self.places.get(element.offset)
        self._add(element, values, (element.end, section.payload_length if section else 0))

    _end_of_stream = _vmdescription = _command

    def _first_page(self, section: Section) -> int | None:
        """Offset of a page among the records of RAM, as in a stream without mapped-ram."""
        behind = section.payload_offset
        for element in self.stream.elements:
            if element.offset < behind:
                continue
            if element.offset > behind or element.kind == "section_footer":
                return behind
            behind = self._behind(element)
            if element.kind == "end_of_section":
                return None
        stopped = self.stream.stopped
        in_block = stopped is not None and str(stopped.path).startswith("/ram/blocks")
        is_cut = self.stream.file_size - behind < sum(WORD_BITS) // 8
        return None if in_block or is_cut else behind

    def _behind(self, element: Element[object]) -> int:
        block = self.blocks.get(element.offset)
        return block.next_offset if block else element.end

    def _stop(self, element: Element[object], values: Reading, rest: int) -> None:
        self._add(element, values, None)
        self.rest = rest

    def _add(
        self,
        element: Element[object],
        values: Reading,
        payload: tuple[int, int] | None,
        records: list[Reading] | None = None,
    ) -> None:
        self.sections.append(
            {
                "offset": element.offset,
                "header": values,
                "payload": list(payload) if payload else None,
                "records": records,
                "footer": None,
            }
        )

    def _section_footer(self, element: Element[object], values: Reading) -> None:  # noqa: ARG002
        self.sections[-1]["footer"] = values

    def _mem_size(self, element: Element[object], values: Reading) -> None:
        self._record({"offset": element.offset, "mem_size": values, "blocks": []})

    def _end_of_section(self, element: Element[object], values: Reading) -> None:
        self._record({"offset": element.offset, "end_of_section": values})

    def _record(self, record: Reading) -> None:
        self.sections[-1]["records"].append(record)

    def _ramblock_header(self, element: Element[object], values: Reading) -> None:
        block = self.blocks[element.offset]
        self.sections[-1]["records"][-1]["blocks"].append(
            {
                "offset": element.offset,
                "header": values,
                "num_pages": block.num_pages if block.has_data else 0,
                "bitmap": self._bitmap(block),
                "next": block.next_offset,
            }
        )

    def _bitmap(self, block: RamBlock) -> str | None:
        file_size = self.stream.file_size
        if block.bitmap_offset is None or block.bitmap_size > min(file_size, BITMAP_MAX):
            return None
        if block.bitmap_offset > file_size - block.bitmap_size:
            return None
        return os.pread(self.fd, block.bitmap_size, block.bitmap_offset).hex()


def _parts(kind: str, values: Mapping[str, Any]) -> Reading:
    """The values, with numbers split into the parts that the spec reads."""
    cut: Reading = {}
    for field in TYPES[kind].fields:
        if not field.parts:
            cut[field.name] = values[field.name]
            continue
        left = sum(part.bits for part in field.parts)
        for part in field.parts:
            left -= part.bits
            cut[part.ksy_id] = values[field.name] >> left & (1 << part.bits) - 1
    return cut


def _plain(value: Any) -> Any:
    """A value for JSON."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value.hex() if isinstance(value, bytes) else value


def _representable(snapshot: Snapshot) -> bool:
    stream = snapshot.stream
    numbers = [
        number
        for element in stream.elements
        for number in _integers(_parts(element.kind, element.fields))
    ]
    numbers += [block.model.next_offset for block in snapshot.blocks]
    return max(numbers) <= MAX_SAFE_INTEGER


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    for member in value.values() if isinstance(value, dict) else ():
        yield from _integers(member)
