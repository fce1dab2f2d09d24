"""Walk along a stream with the class generated from `mapped_ram.ksy`.

The generated class decides the order of structures: it reads section by section, record by record
and block by block. This module observes its lists while they grow, and records the structures as
the walk of Construct does. It stops where the `.ksy` does (`docs/languages.md`): at the first page
of a stream without mapped-ram, and at a payload without a footer.

Two things are done in bulk: copies of a PART that holds only EOS are skipped together, and only
bytes that can be a footer are examined. Only the last item of a list is kept: a file may have
hundreds of thousands.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec, module_from_spec
from typing import Any, Final, Never, cast

from construct import Container
from kaitaistruct import EndOfStreamError, KaitaiStream, ValidationFailedError

from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format import file, grammar
from mappedram.format._spec import TYPES
from mappedram.format.constants import SectionType
from mappedram.format.drivers.base import Driver
from mappedram.format.drivers.kaitai_driver import refusal_of, scalar, values_of
from mappedram.format.structures import KINDS
from mappedram.format.typed import Params
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream
from mappedram.stream.reader.footer import footers
from mappedram.stream.reader.parser import StreamWalk
from mappedram.stream.reader.passed import Passed, refuse_others

#: Exceptions of the generated code.
_REFUSALS: Final = (EndOfStreamError, ValidationFailedError)
#: Parameters of a block header that come from the stream. The others give its end.
_AROUND: Final = ("has_page_size", "has_addr", "has_mapped_ram")
#: Attributes where the generated code caches results.
_PIECES, _OFS_NEXT = "_m_pieces", "_m_ofs_next"
#: Value of `footers_before` if sections have had footers.
_FOOTERS: Final = 1
#: Header field of a section and its kind, by the property that identifies the section.
_HEADERS: Final = {
    "is_start": ("start", "section_start"),
    "is_part": ("part", "section_part"),
    "is_command": ("command", "command"),
    "is_end": ("end_of_stream", "end_of_stream"),
    "is_vmdescription": ("vmdescription", "vmdescription"),
}


def read_stream(source: Source, offset: int, driver: Driver) -> Stream:
    """Follow the stream that begins at `offset`. No bitmap and no page is read.

    Args:
        source: the file.
        offset: start of the stream.
        driver: locates fields, and reads the records of live devices.

    Raises:
        UnsupportedError: no QEMU migration stream begins there.
    """
    refuse_others(source, offset)
    return _read(_Walk(source, offset, driver))[0]


def outline(source: Source, stream: Stream, driver: Driver, at_most: int) -> tuple[Stream, bool]:
    """Follow a stream that was read before as far as the generated class alone does.

    The class does not follow the records of live devices. The JSON text is not read again.

    Args:
        source: the file.
        stream: the result of the previous read.
        driver: locates fields.
        at_most: number of structures and possible footers to examine.

    Returns:
        The stream, and whether the class followed it without reaching `at_most`.
    """
    walk = _Walk(source, stream.offset, driver, at_most)
    walk.vmdescription = stream.vmdescription
    return _read(walk)


def _read(walk: "_Walk") -> tuple[Stream, bool]:
    try:
        walk.run()
    except FormatError as error:
        return walk.stopped(error), True
    except _EnoughError:
        return walk.result(None), False
    return walk.result(None), True


class _EnoughError(Exception):
    """The limit of the walk is reached."""


class _Bytes(KaitaiStream):  # type: ignore[misc]
    """Input of the generated code: the file, through the window of a `Source`."""

    def __init__(self, source: Source, position: int, walk: "_Walk") -> None:
        self.source = source
        self.position = position
        self.walk = walk
        self.bits_le = self.bits_write_mode = False
        self.align_to_byte()

    def seek(self, n: int) -> None:
        self.align_to_byte()
        self.position = n

    def pos(self) -> int:
        return self.position

    def size(self) -> int:
        return self.source.size

    def _read_bytes_not_aligned(self, n: int) -> bytes:
        data = self.source.peek(self.position, n)
        if len(data) < n:
            raise EndOfStreamError(f"{n} bytes, of which there are {len(data)}", n, len(data))
        self.position += n
        return data


class _Passing(list[Any]):
    """A list that keeps only its last item; each new item is passed on."""

    def __init__(self, take: Callable[[Any], None], places: list[Any]) -> None:
        super().__init__()
        self._take = take
        self._places = places

    def append(self, item: Any) -> None:
        self.clear()
        super().append(item)
        del self._places[:-1]
        self._take(item)


@cache
def generated() -> Any:
    """The generated module, in a separate copy: a walk observes its lists."""
    spec = find_spec("mappedram.format.kaitai.mapped_ram")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    root = module.MappedRam
    for owner in (root, *filter(_is_class, vars(root).values())):
        # The generated method records changes for writing; nothing is written here.
        owner.__setattr__ = object.__setattr__
    _watch(root, "sections", "sections", "section")
    _watch(root.RamPayload, "_m_records", "_m_records", "record")
    _watch(root.RamRecord, "_m_blocks", "_m_blocks", "block")
    root.FooterSearch.pieces = property(_footer)
    return module


def _is_class(value: object) -> bool:
    return isinstance(value, type)


def _watch(owner: Any, name: str, places: str, taker: str) -> None:
    """Pass the items of a list of `owner` to that method of the walk."""

    def assign(self: Any, key: str, value: Any) -> None:
        if key == name:
            value = _Passing(getattr(self._io.walk, taker), self._debug[places]["arr"])
        object.__setattr__(self, key, value)

    owner.__setattr__ = assign


def _footer(search: Any) -> list[Any]:
    """The last piece of a payload. Only pieces that begin with a footer's bytes are examined."""
    kept = vars(search)
    if _PIECES not in kept:
        piece = generated().MappedRam.PayloadPiece
        around = search._io, search, search._root

        def at(offset: int) -> Any:
            search._io.walk.spend()
            return piece(offset, search.ofs_self, search.section_id, *around)

        found = map(at, footers(search._io.source, search.ofs_self, search.section_id))
        last = next((one for one in found if one.is_footer), None)
        kept[_PIECES] = [last or at(search._io.size())]
    pieces: list[Any] = kept[_PIECES]
    return pieces


def _place(owner: Any, field: str) -> dict[str, int]:
    """Place of a field of an object: `start`, and `end` if it was read completely."""
    place: dict[str, int] = owner._debug[field] or owner._debug[f"_m_{field}"]
    return place


def _is_read(header: Any) -> bool:
    """Whether all fields of a block header were read."""
    return header.has_mapped_ram and hasattr(getattr(header, "mapped_ram", None), "ofs_pages")


class _Walk(Passed):
    """State of one walk, and the handlers of list items."""

    def __init__(
        self, source: Source, offset: int, driver: Driver, at_most: int | None = None
    ) -> None:
        super().__init__(source, offset, driver)
        #: Number of structures that may still be examined; None for no limit.
        self.left = at_most
        self.path = ""
        self.root: Any = None
        self.counts = {"configuration": 0, "sections": 0, "blocks": 0}

    def run(self) -> None:
        """Let the generated class read the stream.

        Raises:
            FormatError: it cannot be followed further.
        """
        self.root = root = generated().MappedRam(_Bytes(self.source, self.start, self))
        try:
            root._read()
        except _REFUSALS as error:
            if not self.elements:
                self.refused("stream_header", root, "header", "/header", error)
            raise FormatError(
                f"the declaration of Kaitai refuses what follows: {error}",
                offset=self.position,
                path=self.path,
            ) from error
        last = root.sections[-1]
        if last.section_type not in (SectionType.EOF, SectionType.VMDESCRIPTION):
            self.said.mapped_ram = last.has_mapped_ram
            raise file.no_section(Container(_io=self), self.next_section())

    # Handlers of list items.

    def section(self, section: Any) -> None:
        """Record a section."""
        if not self.elements:
            self.note("stream_header", self.root, "header", "/header")
        self.position = section.ofs_self
        try:
            section_type = section.section_type
        except _REFUSALS as error:
            self.said.mapped_ram = section.had_mapped_ram
            raise file.no_section(Container(_io=self), self.next_section()) from error
        if section_type == SectionType.CONFIGURATION:
            self.note("configuration_header", section, "configuration", "/configuration/header")
            self.said.has_configuration = True
        elif section_type == SectionType.SUBSECTION:
            number = self.count("configuration")
            path = f"/configuration/subsections[{number}]"
            self.note("configuration_subsection", section, "subsection", path)
        else:
            self.said.mapped_ram = section.had_mapped_ram
            self.path = path = self.next_section()
            number = self.count("sections")
            field, kind = next(names for says, names in _HEADERS.items() if getattr(section, says))
            self.note(kind, section, field, f"{path}/header")
            self.payload(section, path)
            self.copied(section, number)

    def payload(self, section: Any, path: str) -> None:
        """Record the payload of a section."""
        if section.is_start:
            self.start_of(section.start)
        if section.is_ram:
            self.ram(section)
        elif section.is_opaque:
            self.device(section, path)
        elif section.is_packaged:
            self.packaged(section, path)
        elif section.is_vmdescription:
            self.text(section.vmdescription.len_json)
        self.position = section.ofs_payload_end
        if section.has_footer:
            self.note("section_footer", section, "footer", f"{path}/footer")
        self.position = section.ofs_next

    def record(self, record: Any) -> None:
        """Record a structure of RAM."""
        self.position = record.ofs_self
        if record.is_page:
            raise UnsupportedError(
                "page record: the declaration of Kaitai does not follow the pages of a stream"
                " without mapped-ram",
                offset=self.position,
                path=self.path,
            )
        if not record.is_mem_size:
            self.note("end_of_section", record, "end_of_section", f"{self.path}/eos")
            return
        self.note("mem_size", record, "mem_size", f"{self.path}/mem_size")
        if not record.has_configuration:
            self.said.mapped_ram = self.said.mapped_ram_guessed = record.has_mapped_ram
        if record.has_blocks:
            _ = record.blocks
        self.position = record.ofs_next

    def block(self, block: Any) -> None:
        """Record the header of a block, and the places of its bitmap, padding and pages."""
        path = f"/ram/blocks[{self.count('blocks')}]"
        try:
            _ = block.header
        except _REFUSALS as error:
            if not _is_read(block.header):
                self.refused("ramblock_header", block, "header", path, error)
            # The class of the whole file also refuses offsets beyond the file or before the header.
            self.add("ramblock_header", block, "header", path)
            self.areas_of(block, path)
            self.refuse_pages(block, path)
            raise
        self.note("ramblock_header", block, "header", path)
        self.areas_of(block, path)
        self.position = block.ofs_next

    # Parts of the items.

    def start_of(self, start: Any) -> None:
        """Remember the device of a START."""
        if start.section_type == SectionType.START:
            self.said.started[start.section_id] = start.idstr, start.instance_id

    def ram(self, section: Any) -> None:
        """Record the structures of a RAM section."""
        try:
            _ = section.ram.records
        except EndOfStreamError as error:
            raise TruncatedError(
                f"flags: the file ends at {self.source.size:#x}, within the field",
                offset=self.position,
                path=f"{self.path}/eos/flags",
            ) from error

    def areas_of(self, block: Any, path: str) -> None:
        """Record the places of the bitmap, the padding and the pages of a block."""
        if block.has_data:
            mapped = block.header.mapped_ram
            self.area(f"{path}/bitmap", mapped.ofs_bitmap, block.len_bitmap)
            if block.has_padding:
                length = mapped.ofs_pages - block.ofs_bitmap_end
                self.area(f"{path}/padding", block.ofs_bitmap_end, length)
            self.area(f"{path}/pages", mapped.ofs_pages, block.header.len_used)

    def refuse_pages(self, block: Any, path: str) -> None:
        """Raise the error for pages at an impossible offset."""
        start, length = block.header.mapped_ram.ofs_pages, block.header.len_used
        pages, values = range(start, start + length), self.elements[-1].values
        file.refuse_backwards(Container(_io=self, header=values, pages=pages), path)
        end = f"pages of block {block.header.idstr!r} end"
        told_by = f"{path}/mapped_ram/pages_offset"
        self.skip(pages.stop - self.position, told_by, lambda: end)

    def device(self, section: Any, path: str) -> None:
        """Record the structures of a live device with known records."""
        header = section.start if section.is_start else section.part
        start = section.ofs_payload
        if section.is_start:
            idstr = section.start.idstr
        else:
            idstr, _ = self.said.started.get(header.section_id, ("", 0))
        if not section.is_followed:
            there = section.footers_before == _FOOTERS
            raise (FormatError if there else UnsupportedError)(
                f"payload of {idstr or 'a section without START'!r}: no footer tells the"
                " declaration of Kaitai where it ends",
                offset=start,
                path=f"{path}/payload",
            )
        name = file.live_payload(idstr)
        if name is not None and self.left is None:
            records = StreamWalk(self.source, start, self.driver)
            records.said = self.said
            try:
                grammar.parse(file.LIVE_PAYLOADS[name], records, path)
            except FormatError:
                return
            if records.position == section.ofs_payload_end:
                self.elements += records.elements

    def packaged(self, section: Any, path: str) -> None:
        """Skip the packaged stream of a command."""
        try:
            _ = section.len_packaged
        except ValidationFailedError as error:
            self.skip(
                error.actual, f"{path}/header/data", lambda: "command: the packaged stream ends"
            )
            raise

    def copied(self, section: Any, number: int) -> None:
        """Skip copies of a section together: the class continues after the last one."""
        if section.is_part:
            begin = self.position
            count = self.copies(section.ofs_self, "/sections", number, file.IDLE_PART)
            self.counts["sections"] += count
            vars(section)[_OFS_NEXT] += self.position - begin

    # Structures.

    def note(self, kind: str, owner: Any, field: str, path: str) -> None:
        """Let the class read a structure, record it, and advance past it.

        Raises:
            FormatError: the class refuses it.
        """
        self.spend()
        try:
            _ = getattr(owner, field)
        except _REFUSALS as error:
            self.refused(kind, owner, field, path, error)
        self.add(kind, owner, field, path)

    def add(self, kind: str, owner: Any, field: str, path: str) -> None:
        """Record a structure that the class has read, and advance past it."""
        parsed, place = getattr(owner, field), _place(owner, field)
        # A structure that is refused for its last field was read completely.
        start, end = place["start"], place.get("end", owner._io.pos())
        told = TYPES[kind].params
        around: Params = {name: getattr(parsed, name) for name in _AROUND if name in told}
        element = Element(KINDS[kind], path, start, end - start, values_of(parsed), around)
        self.elements.append(cast("Element[object]", element))
        self.position = end

    def spend(self) -> None:
        """Count one examined structure or possible footer."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise _EnoughError

    def refused(self, kind: str, owner: Any, field: str, path: str, error: Exception) -> Never:
        """Raise the error for a structure that the class has refused."""
        self.position = _place(owner, field)["start"]
        short = isinstance(error, EndOfStreamError)
        actual = scalar(getattr(error, "actual", None))
        refusal = refusal_of(kind, getattr(owner, field), short=short, actual=actual)
        refusal.start -= self.position
        self.refuse(refusal, path)

    def count(self, name: str) -> int:
        """Take the number of the next item of a list."""
        number = self.counts[name]
        self.counts[name] = number + 1
        return number

    def next_section(self) -> str:
        """The path of the next section."""
        return f"/sections[{self.counts['sections']}]"
