"""What a parser made from the spec has to say of a file, by the reading of Construct.

The drivers in `drivers/` print the same as JSON. Fields have QEMU's names; bytes are hexadecimal.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mappedram import FormatError, Snapshot
from mappedram import open as open_snapshot
from mappedram.layout.constants import SectionType
from mappedram.model import Element, RamBlock
from tools.generate import ksy

Reading = dict[str, Any]

#: A driver leaves out a longer bitmap, and one that does not lie in the file.
BITMAP_MAX = 1 << 20
#: Up to here JavaScript has all integers.
MAX_SAFE_INTEGER = (1 << 53) - 1

#: What a file shorter than the magic begins with.
MAGIC_CUT = (b"", b"Q", b"QE", b"QEV")

#: Structure of a field that is refused, by its path in `mappedram`.
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
#: What `mapped_ram.ksy` looks at once more by itself, and the field where it does.
LOOKED_AT_AGAIN = {
    "/types/ramblock/instances/ofs_pages": "mapped_ram_header/pages_offset",
    "/types/stream_section/instances/section_type": "section/section_type",
}


@dataclass(frozen=True)
class Construct:
    """The reading of one file, and whether numbers beyond 2^53 stand on the way to it."""

    reading: Reading
    representable: bool


def expected(fd: int, offset: int) -> Construct:
    """What Construct reads from the stream at `offset`."""
    try:
        with open_snapshot(fd, offset, driver="construct", partial=True) as snapshot:
            return Construct(_reading(fd, snapshot), _representable(snapshot))
    except FormatError as error:
        return Construct(_refused(error), representable=True)


def field_of(place: str) -> str:
    """The field that a generated parser names by its place in a `.ksy`, such as `/seq/0`."""
    if place in LOOKED_AT_AGAIN:
        return LOOKED_AT_AGAIN[place]
    steps = place.split("/")[1:]
    name = steps[1] if steps[0] == "types" else "stream_header"
    entry = next(entry for entry in ksy.types() if entry.name == name)
    structure = "section" if name in ("section_start", "section_part") else name
    return f"{structure}/{entry.fields[int(steps[-1])].name}"


def _refused(error: FormatError) -> Reading:
    # A number that leads out of the file is wrong itself: it is known what it may be.
    if error.expected is None or error.actual in MAGIC_CUT:
        return {"verdict": "refused", "why": "short", "offset": error.offset}
    assert error.path is not None
    where, _, name = error.path.rpartition("/")
    structure = next(kind for path, kind in STRUCTURES.items() if re.fullmatch(path, where))
    return {"verdict": "refused", "why": "value", "field": f"{structure}/{name}"}


def _reading(fd: int, snapshot: Snapshot) -> Reading:
    stream = snapshot.stream
    walk = _Walk(fd, snapshot)
    for element in stream.elements:
        walk.pass_element(element)
        if walk.rest is not None:
            break
    if walk.rest is None:
        stopped = stream.stopped
        assert stopped is not None
        # The spec goes as far as the file does, where that ends between two sections.
        between = walk.sections and stopped.offset == stream.file_size
        if not (between and str(stopped.path).endswith("]/section_type")):
            return _refused(stopped)
        walk.rest = stopped.offset
    return {
        "verdict": "accepted",
        "header": walk.header,
        "configuration": walk.configuration,
        "sections": walk.sections,
        "rest": walk.rest,
    }


class _Walk:
    """Puts the structures that `mappedram` lists one after the other into the shape of the spec."""

    def __init__(self, fd: int, snapshot: Snapshot) -> None:
        self.fd = fd
        self.file_size = snapshot.stream.file_size
        self.blocks = {block.model.offset: block.model for block in snapshot.blocks}
        self.header: Reading = {}
        self.configuration: Reading | None = None
        self.sections: list[Reading] = []
        self.rest: int | None = None
        self.id_ram: int | None = None

    def pass_element(self, element: Element) -> None:
        """Dispatch on the kind of the structure."""
        getattr(self, f"_{element.kind}")(element, _plain(element.values))

    def _stream_header(self, element: Element, values: Reading) -> None:  # noqa: ARG002
        self.header = values

    def _configuration_header(self, element: Element, values: Reading) -> None:  # noqa: ARG002
        self.configuration = {"header": values, "subsections": []}

    def _configuration_subsection(self, element: Element, values: Reading) -> None:  # noqa: ARG002
        assert self.configuration is not None
        self.configuration["subsections"].append(values)

    def _section_start(self, element: Element, values: Reading) -> None:
        is_ram = values["section_type"] == SectionType.START and values["idstr"] == "ram"
        if is_ram:
            self.id_ram = values["section_id"]
        self._section(element, values, is_ram=is_ram)

    def _section_part(self, element: Element, values: Reading) -> None:
        self._section(element, values, is_ram=values["section_id"] == self.id_ram)

    def _section(self, element: Element, values: Reading, *, is_ram: bool) -> None:
        self._add(element, values, [] if is_ram else None)
        if not is_ram:
            self.rest = element.offset

    def _command(self, element: Element, values: Reading) -> None:
        self._add(element, values, None)

    def _end_of_stream(self, element: Element, values: Reading) -> None:
        self._add(element, values, None)
        self.rest = element.end

    def _add(self, element: Element, values: Reading, records: list[Reading] | None) -> None:
        self.sections.append(
            {"offset": element.offset, "header": values, "records": records, "footer": None}
        )

    def _section_footer(self, element: Element, values: Reading) -> None:  # noqa: ARG002
        self.sections[-1]["footer"] = values

    def _mem_size(self, element: Element, values: Reading) -> None:
        self._record({"offset": element.offset, "mem_size": values, "blocks": []})

    def _end_of_section(self, element: Element, values: Reading) -> None:
        self._record({"offset": element.offset, "end_of_section": values})

    def _record(self, record: Reading) -> None:
        self.sections[-1]["records"].append(record)

    def _ramblock_header(self, element: Element, values: Reading) -> None:
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
        if block.bitmap_offset is None or block.bitmap_size > min(self.file_size, BITMAP_MAX):
            return None
        if block.bitmap_offset > self.file_size - block.bitmap_size:
            return None
        return os.pread(self.fd, block.bitmap_size, block.bitmap_offset).hex()


def _plain(value: Any) -> Any:
    """A value as it stands in JSON."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value.hex() if isinstance(value, bytes) else value


def _representable(snapshot: Snapshot) -> bool:
    stream = snapshot.stream
    numbers = [number for element in stream.elements for number in _integers(element.values)]
    numbers += [block.model.next_offset for block in snapshot.blocks]
    return max(numbers) <= MAX_SAFE_INTEGER


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    for member in value.values() if isinstance(value, dict) else ():
        yield from _integers(member)
