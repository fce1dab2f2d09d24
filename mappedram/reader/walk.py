"""The walk along a stream: which structure stands where. A driver turns its bytes into values."""

from collections.abc import Callable, Sequence
from typing import Any, Never

from mappedram.drivers.base import Driver, Params, RefusalError, Values
from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.layout._spec import TYPES
from mappedram.layout.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_HDR_VERSION,
    OFFSET_BITS,
    QEMU_VM_FILE_MAGIC,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MASK,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SECTION_IDSTR,
    CommandType,
    SectionType,
)
from mappedram.model import (
    Configuration,
    Element,
    MappedRamHeader,
    RamBlock,
    Section,
    Stream,
    VmDescription,
    file_up_to,
    is_page_size,
)
from mappedram.reader import vmdescription
from mappedram.reader.footer import FOOTER_SIZE, find_footer, footer_bytes, is_section_start
from mappedram.reader.live import LimitedWalk, grammar_of
from mappedram.reader.records import PageIndex, PageTaker
from mappedram.source import Source

#: A first guess at what a structure takes; more is read for the few that are longer.
_USUAL = 512
_LONGEST = 1 << 17
#: Bytes of the argument of PACKAGED, a length.
_PACKAGED_LENGTH = 4
#: Bytes that a page of memory can have on a host, huge or not; no length of a name stands in them.
_HOST_PAGES = frozenset(1 << bits for bits in range(12, 56))
_NONE: Params = {}
#: What was read before the first page record and the size of a page, to what takes the pages.
OnPages = Callable[[Stream, int], PageTaker | None]
#: Where nothing says what the page size is: the sizes that targets have, the most usual first.
_USUAL_PAGE_SIZES = (1 << 12, 1 << 10, 1 << 13, 1 << 14, 1 << 11, 1 << 15, 1 << 16)
_SMALL_PAGE_SIZES = (1 << 8,)


def read_stream(
    source: Source, offset: int, driver: Driver, on_pages: OnPages | None = None
) -> Stream:
    """Follow the stream that begins at `offset`.

    Reads headers and the JSON text, never a bitmap or a page, unless pages stand among records.

    Args:
        source: the file.
        offset: where the stream begins.
        driver: what reads single structures.
        on_pages: called before the first page record, if there is one.

    Raises:
        UnsupportedError: no QEMU migration stream begins there.
    """
    walk = _Walk(source, offset, driver, on_pages)
    stopped: FormatError | None = None
    walk.stream_header()
    try:
        walk.configuration_section()
        walk.all_sections()
    except FormatError as error:
        stopped = error
    return walk.result(stopped)


class _Walk:
    """The state of one walk: the stream position and what has been passed so far."""

    def __init__(
        self, source: Source, offset: int, driver: Driver, on_pages: OnPages | None
    ) -> None:
        self.source = source
        self.driver = driver
        self.on_pages = on_pages
        self.start = offset
        self.position = offset
        self.configuration: Configuration | None = None
        self.mapped_ram = False
        self.mapped_ram_guessed = False
        self.postcopy_advised = False
        self.footers: bool | None = None
        self.totals: list[int] = []
        self.blocks: list[RamBlock] = []
        self.sections: list[Section] = []
        self.elements: list[Element] = []
        self.live: dict[int, Section] = {}
        self.for_grammars = LimitedWalk(self)
        self.vmdescription: VmDescription | None = None
        self.lengths: dict[tuple[str, int], list[int]] | None = None
        self.records: PageIndex | None = None
        #: Of each kind, the last structure that was read: its parameters, bytes and values.
        self.last: dict[str, tuple[Params, bytes, Values]] = {}

    def result(self, stopped: FormatError | None) -> Stream:
        return Stream(
            file_size=self.source.size,
            offset=self.start,
            end=min(self.position, self.source.size),
            configuration=self.configuration,
            mapped_ram=self.mapped_ram,
            mapped_ram_guessed=self.mapped_ram_guessed,
            totals=tuple(self.totals),
            blocks=tuple(self.blocks),
            sections=tuple(self.sections),
            elements=tuple(self.elements),
            vmdescription=self.vmdescription,
            stopped=stopped,
            scattered=self.records.finish() if self.records else {},
        )

    # One structure at the stream position.

    def take(self, kind: str, path: str, params: Params | None = None) -> Element:
        """Read the structure `kind` and move behind it."""
        params = params or _NONE
        values, length = self.again(kind, params) or self.parse(kind, path, params)
        element = Element(kind, path, self.position, length, values, params)
        self.elements.append(element)
        self.position += length
        return element

    def again(self, kind: str, params: Params) -> tuple[Values, int] | None:
        """What was read last of this kind, if the same bytes stand here once more.

        A driver looks at no byte behind the structure. Thousands of sections PART are all alike.
        """
        before, data, values = self.last.get(kind, ({}, b"", {}))
        repeated = data and before == params and self.source.peek(self.position, len(data)) == data
        return (values, len(data)) if repeated else None

    def parse(self, kind: str, path: str, params: Params) -> tuple[Values, int]:
        """What the driver makes of the bytes at the stream position."""
        for size in (_USUAL, _LONGEST):
            data = self.source.peek(self.position, size)
            try:
                values, length = self.driver.parse(kind, data, params)
            except RefusalError as refusal:
                if refusal.short and len(data) == size < _LONGEST:
                    continue
                self.refuse(refusal, path)
            break
        self.last[kind] = (params, data[:length], values)
        return values, length

    def refuse(self, refusal: RefusalError, path: str) -> Never:
        offset = self.position + refusal.start
        name = refusal.path.rpartition("/")[2]
        path = f"{path}/{refusal.path}"
        if refusal.short:
            raise TruncatedError(
                f"{name}: the file ends at {self.source.size:#x}, within the field",
                offset=offset,
                path=path,
            )
        expected = _expected(refusal)
        raise FormatError(
            f"{name}: expected {expected}, got {_shown(refusal.actual)}",
            offset=offset,
            path=path,
            expected=expected,
            actual=refusal.actual,
        )

    def next_byte(self) -> int | None:
        data = self.source.peek(self.position, 1)
        return data[0] if data else None

    # Before the sections.

    def stream_header(self) -> None:
        head = self.source.peek(self.position, 4)
        if head != QEMU_VM_FILE_MAGIC:
            raise UnsupportedError(
                _what_else(self.source, self.position, head),
                offset=self.position,
                path="/header/magic",
                expected='"QEVM"',
                actual=head,
            )
        try:
            self.take("stream_header", "/header")
        except TruncatedError:
            raise
        except FormatError as error:
            raise UnsupportedError(
                error.msg,
                offset=error.offset,
                path=error.path,
                expected=error.expected,
                actual=error.actual,
            ) from error

    def configuration_section(self) -> None:
        if self.next_byte() != SectionType.CONFIGURATION:
            return
        path = "/configuration"
        machine = self.take("configuration_header", f"{path}/header").values["name"]
        self.configuration = Configuration(machine)
        found: dict[str, Any] = {}
        count, uuid_left_out = 0, False
        while self.next_byte() == SectionType.SUBSECTION:
            subsection = self.take("configuration_subsection", f"{path}/subsections[{count}]")
            found |= subsection.values["body"]
            if "uuid" in subsection.values["body"]:
                at = subsection.end - len(found["uuid"])
                uuid_left_out = any(self.source.left_out(at, subsection.end))
            count += 1
            self.configuration = Configuration(
                machine,
                target_page_bits=found.get("target_page_bits"),
                capabilities=tuple(entry["name"] for entry in found.get("capabilities", ())),
                uuid=None if uuid_left_out else found.get("uuid"),
                uuid_left_out=uuid_left_out,
            )
        self.mapped_ram = CAPABILITY_MAPPED_RAM in self.configuration.capabilities

    # The sections.

    def all_sections(self) -> None:
        while True:
            path = f"/sections[{len(self.sections)}]"
            kind = self.next_byte()
            if kind is None:
                raise TruncatedError(
                    "section_type: the file ends where a section should begin",
                    offset=self.position,
                    path=f"{path}/section_type",
                )
            if kind in (SectionType.START, SectionType.FULL):
                self.section_start(path)
            elif kind in (SectionType.PART, SectionType.END):
                self.section_part(path)
            elif kind == SectionType.COMMAND:
                self.command(path)
            elif kind == SectionType.EOF:
                self.end_of_stream(path)
                return
            else:
                raise FormatError(
                    f"section_type: no section begins with {kind:#04x}",
                    offset=self.position,
                    path=f"{path}/section_type",
                    expected="EOF, START, PART, END, FULL or COMMAND",
                    actual=kind,
                )

    def section_start(self, path: str) -> None:
        header = self.take("section_start", f"{path}/header")
        values = header.values
        section = Section(
            path=path,
            type=SectionType(values["section_type"]),
            offset=header.offset,
            header_length=header.length,
            payload_length=0,
            section_id=values["section_id"],
            idstr=values["idstr"],
            instance_id=values["instance_id"],
            version_id=values["version_id"],
        )
        if section.type == SectionType.START:
            self.live[values["section_id"]] = section
        self.payload(section)

    def section_part(self, path: str) -> None:
        header = self.take("section_part", f"{path}/header")
        section_id = header.values["section_id"]
        start = self.live.get(section_id)
        self.payload(
            Section(
                path=path,
                type=SectionType(header.values["section_type"]),
                offset=header.offset,
                header_length=header.length,
                payload_length=0,
                section_id=section_id,
                idstr=start.idstr if start else None,
                instance_id=start.instance_id if start else None,
            )
        )

    def command(self, path: str) -> None:
        header = self.take("command", f"{path}/header")
        command, data = header.values["command"], header.values["data"]
        # With postcopy-ram the page size of the host follows the length of some blocks.
        if command == CommandType.POSTCOPY_ADVISE and data:
            self.postcopy_advised = True
        # The stream that is packaged stands behind the command, of which it is no part.
        packaged = command == CommandType.PACKAGED and len(data) == _PACKAGED_LENGTH
        length = int.from_bytes(data, "big") if packaged else 0
        if length > self.source.size - self.position:
            raise TruncatedError(
                f"command: the packaged stream ends at {self.position + length:#x}, but the file at"
                f" {self.source.size:#x}",
                offset=header.offset + 5,
                path=f"{path}/header/data",
                expected=file_up_to(self.position + length),
                actual=f"{self.source.size:#x} bytes",
            )
        self.position += length
        self.sections.append(
            Section(
                path,
                SectionType.COMMAND,
                header.offset,
                header.length,
                length,
                command=command,
                data=data,
            )
        )

    def end_of_stream(self, path: str) -> None:
        header = self.take("end_of_stream", f"{path}/header")
        self.sections.append(Section(path, SectionType.EOF, header.offset, header.length, 0))
        if self.next_byte() != SectionType.VMDESCRIPTION:
            return
        path = f"/sections[{len(self.sections)}]"
        header = self.take("vmdescription", f"{path}/header")
        known = self.vmdescription
        if known is None or known.offset != self.position:
            length = header.values["vmdesc_len"]
            self.vmdescription = vmdescription.parse(self.source, self.position, length)
        assert self.vmdescription is not None
        self.position += self.vmdescription.length
        self.sections.append(
            Section(
                path,
                SectionType.VMDESCRIPTION,
                header.offset,
                header.length,
                self.vmdescription.length,
            )
        )

    # Payloads.

    def payload(self, section: Section) -> None:
        """Pass payload and footer of a section, and note what was passed even if that fails."""
        footer_id = None
        payload_end = section.payload_offset
        try:
            if section.idstr == RAM_SECTION_IDSTR and section.type != SectionType.FULL:
                self.ram_payload(section.path)
            elif not self.live_payload(section):
                self.position += self.opaque_length(section)
            payload_end = self.position
            footer_id = self.footer(section.path)
        finally:
            self.sections.append(
                Section(
                    path=section.path,
                    type=section.type,
                    offset=section.offset,
                    header_length=section.header_length,
                    payload_length=max(payload_end, self.passed()) - section.payload_offset
                    if footer_id is None
                    else payload_end - section.payload_offset,
                    footer_id=footer_id,
                    section_id=section.section_id,
                    idstr=section.idstr,
                    instance_id=section.instance_id,
                    version_id=section.version_id,
                )
            )

    def passed(self) -> int:
        """How much of the file has been passed; a block may say that it ends beyond."""
        return min(self.position, self.source.size)

    def footer(self, path: str) -> int | None:
        """Pass a footer if there is one, and say whose it says it is."""
        if self.next_byte() != SectionType.FOOTER:
            self.footers = self.footers or False
            return None
        self.footers = True
        footer = self.take("section_footer", f"{path}/footer")
        section_id: int = footer.values["section_id"]
        return section_id

    def live_payload(self, section: Section) -> bool:
        """Pass a payload whose records are known; False, and nothing passed, if they do not fit."""
        grammar = grammar_of(section.idstr)
        if grammar is None:
            return False
        start, taken = self.position, len(self.elements)
        try:
            ended = grammar(self.for_grammars, section.path)
        except FormatError:
            ended = False
        if ended and (self.footers is False or self.next_byte() == SectionType.FOOTER):
            return True
        del self.elements[taken:]
        self.position = start
        return False

    def skip(self, length: int, path: str) -> None:
        """Pass that many bytes, which a structure announced."""
        if length > self.source.size - self.position:
            raise TruncatedError(
                f"what follows ends at {self.position + length:#x}, but the file at"
                f" {self.source.size:#x}",
                offset=self.position,
                path=path,
            )
        self.position += length

    def opaque_length(self, section: Section) -> int:
        """Bytes of a payload that only its device understands: by the JSON text or its footer."""
        assert section.section_id is not None
        start = self.position
        described = self.described_lengths().get((section.idstr or "", section.instance_id or 0))
        if described and section.type == SectionType.FULL:
            end = start + described.pop(0)
            mark = footer_bytes(section.section_id)
            if self.source.peek(end, FOOTER_SIZE) == mark:
                return end - start
            if self.footers is False and is_section_start(self.source, end):
                return end - start
        if self.footers is not False:
            found = find_footer(self.source, start, section.section_id)
            if found is not None:
                return found - start
        # A writer may leave out both (spec/format.md), so that this alone is no defect.
        legal = not self.footers and self.vmdescription is None
        raise (UnsupportedError if legal else FormatError)(
            f"payload of {section.idstr or 'a section without START'!r}: neither the JSON"
            " description nor a footer tells where it ends",
            offset=start,
            path=f"{section.path}/payload",
        )

    def described_lengths(self) -> dict[tuple[str, int], list[int]]:
        if self.lengths is None:
            self.vmdescription = vmdescription.find(self.source, self.position, self.position)
            document = self.vmdescription and self.vmdescription.document
            self.lengths = vmdescription.payload_lengths(document) if document else {}
        return self.lengths

    # RAM.

    def ram_payload(self, path: str) -> None:
        """The records of one section of RAM, up to and with EOS."""
        while True:
            word = int.from_bytes(self.source.peek(self.position, 8), "big")
            # As for the page records, which end at either of these; the driver judges CONTINUE.
            flag = word & self.flags_mask & ~RAM_SAVE_FLAG_CONTINUE
            if flag != RAM_SAVE_FLAG_MEM_SIZE:
                if self.mapped_ram or flag == RAM_SAVE_FLAG_EOS:
                    break
                self.records = self.records or self.page_index(path)
                self.position = self.records.pass_records(self.position, path)
                continue
            record = self.take("mem_size", f"{path}/mem_size")
            self.totals.append(record.values["total_and_flags"] - RAM_SAVE_FLAG_MEM_SIZE)
            if self.configuration is None:
                self.mapped_ram = self.mapped_ram_guessed = self.looks_mapped()
            # A record begins with a zero byte, and the name of a block with its length.
            while self.next_byte():
                self.ramblock()
        self.take("end_of_section", f"{path}/eos")

    @property
    def flags_mask(self) -> int:
        """The bits of a record that are flags, of which a small page has fewer."""
        return self.records.flags_mask if self.records else RAM_SAVE_FLAG_MASK

    def page_index(self, path: str) -> PageIndex:
        """An index of the pages of all blocks, for a stream without mapped-ram."""
        lengths = {block.idstr: block.used_length for block in self.blocks}
        page_size = self.page_size(lengths, path)
        taker = self.on_pages(self.result(None), page_size) if self.on_pages else None
        return PageIndex(self.source, page_size, lengths, taker=taker)

    def page_size(self, lengths: dict[str, int], path: str) -> int:
        """What the stream says of the size of a page, or what its first records fit."""
        bits = self.configuration.target_page_bits if self.configuration else None
        if bits is not None and bits < OFFSET_BITS and is_page_size(1 << bits):
            return 1 << bits
        self.described_lengths()
        document = self.vmdescription.document if self.vmdescription else None
        declared = document.get("page_size") if document else None
        if isinstance(declared, int) and is_page_size(declared):
            return declared
        # Of the smallest pages, each byte of a larger one is soon taken for a record, or for EOS.
        for sizes in (_USUAL_PAGE_SIZES, _SMALL_PAGE_SIZES):
            found = self.fitting_page_size(sizes, lengths, path)
            if found is not None:
                return found
        raise FormatError(
            "page record: the records fit no page size", offset=self.position, path=path
        )

    def fitting_page_size(
        self, sizes: Sequence[int], lengths: dict[str, int], path: str
    ) -> int | None:
        """The first size that records fit, of a whole file before that of one that is cut."""
        if_cut: list[int] = []
        for page_size in sizes:
            try:
                if PageIndex(self.source, page_size, lengths).pass_some(self.position, path):
                    return page_size
            except FormatError:
                continue
            if_cut.append(page_size)
        return if_cut[0] if if_cut else None

    def looks_mapped(self) -> bool:
        """Whether a mapped-ram header follows the first block, where no capability is announced."""
        name_length = self.next_byte() or 0
        head = self.source.peek(self.position + 1 + name_length + 8, 12)
        version, page_size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
        return version <= MAPPED_RAM_HDR_VERSION and is_page_size(page_size)

    def ramblock(self) -> None:
        path = f"/ram/blocks[{len(self.blocks)}]"
        announced = self.configuration.capabilities if self.configuration else ()
        element = self.take(
            "ramblock_header",
            path,
            {
                "has_page_size": self.has_host_page_size(),
                "has_addr": CAPABILITY_X_IGNORE_SHARED in announced,
                "has_mapped_ram": self.mapped_ram,
            },
        )
        values = element.values
        header = values["mapped_ram"]
        block = RamBlock(
            path=path,
            offset=element.offset,
            header_length=element.length,
            idstr=values["idstr"],
            used_length=values["used_length"],
            addr=values["addr"],
            mapped_ram=MappedRamHeader(**header) if header else None,
        )
        self.blocks.append(block)
        if block.next_offset < block.header_end:
            raise FormatError(
                f"pages_offset: the pages of block {block.idstr!r} end at {block.next_offset:#x},"
                f" before the end of its header at {block.header_end:#x}",
                offset=element.end - 8,
                path=f"{path}/mapped_ram/pages_offset",
                expected=f">= {block.header_end - block.used_length:#x}",
                actual=block.pages_offset,
            )
        if block.next_offset > self.source.size:
            raise TruncatedError(
                f"pages of block {block.idstr!r} end at {block.next_offset:#x},"
                f" but the file at {self.source.size:#x}",
                offset=element.end - 8,
                path=f"{path}/mapped_ram/pages_offset",
                expected=file_up_to(block.next_offset),
                actual=f"{self.source.size:#x} bytes",
            )
        self.position = block.next_offset

    def has_host_page_size(self) -> bool:
        """Whether the field that postcopy-ram adds stands in this block.

        It does where the pages of its memory are huge, or smaller than the target's, which the
        stream does not say (QEMU migration/ram.c, ram_save_setup()). A mapped-ram header, whose
        version is 0 or 1, stands either before or after it. Without one, a name or a record stands
        there instead, which is no such number: a name begins with a length that is not 0, and a
        record has flags in its lowest bits. An `addr` may be one, so that with x-ignore-shared
        nothing tells.
        """
        if not self.postcopy_advised:
            return False
        name_length = self.next_byte() or 0
        head = self.source.peek(self.position + 1 + name_length + 8, 12)
        if self.mapped_ram:
            return int.from_bytes(head[8:], "big") <= MAPPED_RAM_HDR_VERSION
        if self.configuration and CAPABILITY_X_IGNORE_SHARED in self.configuration.capabilities:
            return False
        number = int.from_bytes(head[:8], "big")
        return number in _HOST_PAGES


def _expected(refusal: RefusalError) -> str:
    """What the spec calls for in the field that was refused."""
    kind = refusal.kind
    *outer, name = refusal.path.split("/")
    for step in outer:  # into the structure that holds the field
        kind = {"mapped_ram": "mapped_ram_header", "body": "capabilities"}.get(step, kind)
    return next(field.expected for field in TYPES[kind].fields if field.name == name)


def _shown(value: Any) -> str:
    return f"{value:#x}" if isinstance(value, int) else repr(value)


#: Other files that people take for a migration stream, by how they begin.
_OTHERS = {
    b"\x7fELF": "an ELF file",
    b"QFI\xfb": "a qcow2 image; `qemu-img` handles those",
    b"EMiL": "a LiME memory dump",
    b"KDUMP   ": "a kdump file",
    b"\x1f\x8b": "gzip; decompress it first, keeping its holes",
    b"\xfd7zXZ": "xz; decompress it first, keeping its holes",
    b"\x28\xb5\x2f\xfd": "zstd; decompress it first, keeping its holes",
}
_LIBVIRT_MAGICS = (b"LibvirtQemudSave", b"LibvirtQemudPart")
_LIBVIRT_HEADER_SIZE = 92


def _what_else(source: Source, offset: int, head: bytes) -> str:
    """In words, what stands where a stream header was looked for."""
    if not head:
        return "the file is empty" if source.size == 0 else "the file ends before the stream begins"
    head = source.peek(offset, 24)
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            return f"not a QEMU migration stream, but {kind}"
    if head[:16] in _LIBVIRT_MAGICS:
        size = int.from_bytes(head[20:24], "little")
        return (
            "a libvirt save image, not a bare QEMU stream: its stream should begin at"
            f" offset {offset + _LIBVIRT_HEADER_SIZE + size:#x}"
        )
    return f"not a QEMU migration stream: it begins with {head[:4]!r}, not with b'QEVM'"
