"""Declaration of a whole file: the order and number of its structures. Read it bottom-up.

`Stream` is declared last, because each part is declared before its use. `c` is the context, which
holds everything parsed so far (`nesting.Context`); `c._io` is the file (`grammar.Walk`).
"""

from collections.abc import Mapping
from typing import Any

from construct import If, Pass, Switch

from mappedram.errors import FormatError, TruncatedError
from mappedram.format import live, ram, section, stream
from mappedram.format.arithmetic import bitmap_size, is_page_size, round_up
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    DIRTY_BITMAP_EOS,
    HTAB_ENTRY,
    MAPPED_RAM_HDR_VERSION,
    PACKAGED_LENGTH,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SECTION_IDSTR,
    STATTR_FLAG_EOS,
    STATTR_FLAG_MASK,
    VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY,
    VFIO_MIG_FLAG_DEV_CONFIG_STATE,
    VFIO_MIG_FLAG_DEV_INIT_DATA_SENT,
    VFIO_MIG_FLAG_END_OF_STATE,
    CommandType,
    SectionType,
)
from mappedram.format.grammar import (
    At,
    Attempt,
    Choice,
    Extent,
    Maybe,
    Opaque,
    PageRecords,
    Payload,
    PlacedExtent,
    Record,
    Refused,
    Repeat,
    Structure,
    Text,
    Told,
    here,
    step,
)
from mappedram.format.nesting import LeanStruct
from mappedram.format.typed import Fields


def _next(c: Any) -> int | None:
    """The byte at the position; None at the end of the file."""
    ahead: bytes = c._io.peek(1)
    return ahead[0] if ahead else None


def _is_next(section_type: SectionType) -> Any:
    return lambda c: _next(c) == section_type


# A RAM block: its header, and the bitmap and the pages that the header points to.

#: Possible page sizes of host memory in bytes, huge pages included. All are below 2^56, so that
#: none begins with the nonzero length of a name.
_HOST_PAGES = frozenset(1 << bits for bits in range(12, 56))


def _around_block(c: Any) -> dict[str, bool]:
    """Parameters of a block's header, which follow from the stream before it."""
    said = c._io.said
    if "header" in c:  # it is being built
        has_page_size = c.header.get("page_size") is not None
    else:
        has_page_size = said.postcopy_advised and _has_host_page_size(c)
    return {
        "has_page_size": has_page_size,
        "has_addr": CAPABILITY_X_IGNORE_SHARED in said.capabilities,
        "has_mapped_ram": said.mapped_ram,
    }


def _behind_used_length(c: Any) -> bytes:
    """The twelve bytes after `used_length` in the header of the next block."""
    behind = ram.used_length_end(_next(c) or 0)
    ahead: bytes = c._io.peek(behind + 12)
    return ahead[behind:]


def _has_host_page_size(c: Any) -> bool:
    """Whether this block has the host page size that postcopy-ram adds.

    QEMU adds it if the host pages of the block are huge, or smaller than the target's. The stream
    does not say so (QEMU migration/ram.c, ram_save_setup()), so this looks at the bytes. With
    mapped-ram, the version of its header, 0 or 1, follows either `used_length` or the host page
    size. Without mapped-ram, a name or a record follows `used_length` if the field is absent.
    Neither looks like a page size: a name begins with a nonzero length, and a record has flags in
    its lowest bits. With x-ignore-shared, an `addr` may look like one, and the field cannot be
    detected.
    """
    said, head = c._io.said, _behind_used_length(c)
    if said.mapped_ram:
        return int.from_bytes(head[8:], "big") <= MAPPED_RAM_HDR_VERSION
    if CAPABILITY_X_IGNORE_SHARED in said.capabilities:
        return False
    return int.from_bytes(head[:8], "big") in _HOST_PAGES


def _has_data(c: Any) -> bool:
    """Whether the file has the bitmap and the pages; if not, both offsets are 0."""
    header = c.header["mapped_ram"]
    return bool(header and (header["bitmap_offset"] or header["pages_offset"]))


def _len_bitmap(header: Any, word_size: int) -> int:
    page_size = header["mapped_ram"]["page_size"]
    return bitmap_size(header["used_length"] // page_size if page_size else 0, word_size)


def _places(c: Any, header: Fields, end: int) -> Fields:
    """Default offsets: the bitmap directly after the header, the pages at the next boundary."""
    given = header.get("mapped_ram")
    if (
        not isinstance(given, Mapping)
        or given.get("bitmap_offset") == given.get("pages_offset") == 0
    ):
        return {}  # a block without data
    pages_offset = round_up(end + _len_bitmap(header, c._io.word_size), c._io.align)
    return {"mapped_ram": {"bitmap_offset": end, "pages_offset": pages_offset}}


def _usual_header(c: Any) -> Fields:
    version = {"version": MAPPED_RAM_HDR_VERSION}
    return {"mapped_ram": version} if c._io.said.mapped_ram else {}


def refuse_backwards(c: Any, path: str) -> None:
    """Refuse pages that end before the end of their header: a reader would loop forever."""
    end, field = c._io.tell(), f"{path}/mapped_ram/pages_offset"
    if c.pages.stop < end:
        raise FormatError(
            f"pages_offset: the pages of block {c.header['idstr']!r} end at {c.pages.stop:#x},"
            f" before the end of its header at {end:#x}",
            offset=c._io.place(field),
            path=field,
            expected=f">= {end - c.header['used_length']:#x}",
            actual=c.pages.start,
        )


RamBlock = LeanStruct(
    here(
        "header",
        Structure(ram.RamBlockHeader, _around_block, values=_usual_header, derived=_places),
    ),
    If(
        _has_data,
        LeanStruct(
            here("header", Told(lambda c, _: c._.header)),
            step(
                "bitmap",
                PlacedExtent(
                    lambda c: c.header["mapped_ram"]["bitmap_offset"],
                    lambda c: _len_bitmap(c.header, c._io.word_size),
                ),
            ),
            step(
                "padding",
                PlacedExtent(
                    lambda c: c.bitmap.stop,
                    lambda c: c.header["mapped_ram"]["pages_offset"] - c.bitmap.stop,
                ),
            ),
            step(
                "pages",
                PlacedExtent(
                    lambda c: c.header["mapped_ram"]["pages_offset"],
                    lambda c: c.header["used_length"],
                ),
            ),
            Told(refuse_backwards),
            Extent(
                lambda c: c.pages.stop - c._io.tell(),
                told_by="mapped_ram/pages_offset",
                what=lambda c: f"pages of block {c.header['idstr']!r} end",
            ),
        ),
    ),
)

# A RAM section: lists of blocks, page records of a stream without mapped-ram, EOS.

_LIST, _PAGES = "list", "pages"


def _record(c: Any) -> str | None:
    """Kind of the record at the position; None if only EOS can stand there."""
    # CONTINUE is masked out as for page records; the structure judges it.
    flag = int.from_bytes(c._io.peek(8), "big") & c._io.flags_mask & ~RAM_SAVE_FLAG_CONTINUE
    if flag == RAM_SAVE_FLAG_MEM_SIZE:
        return _LIST
    return None if c._io.said.mapped_ram or flag == RAM_SAVE_FLAG_EOS else _PAGES


def _guess_mapped_ram(c: Any, _path: str) -> None:
    """Detect mapped-ram from the first block if no capability is announced."""
    said = c._io.said
    if not said.has_configuration:
        head = _behind_used_length(c)
        version, page_size = (int.from_bytes(part, "big") for part in (head[:4], head[4:]))
        said.mapped_ram = version <= MAPPED_RAM_HDR_VERSION and is_page_size(page_size)
        said.mapped_ram_guessed = said.mapped_ram


def _total(c: Any, _values: Fields, _end: int) -> Fields:
    total = sum(block["header"]["used_length"] for block in c.blocks)
    return {"total_and_flags": total | RAM_SAVE_FLAG_MEM_SIZE}


RamList = LeanStruct(
    step("mem_size", Structure(ram.MemSize, derived=_total)),
    Told(_guess_mapped_ram, built=False),
    # A record begins with a zero byte, a block with the nonzero length of its name.
    here("blocks", At("/ram/blocks", Repeat(RamBlock, before=_next, counted="blocks"))),
)

EndOfSection = Structure(ram.EndOfSection, values=lambda _: {"flags": RAM_SAVE_FLAG_EOS})

Ram = LeanStruct(
    here(
        "records",
        Repeat(
            Choice(_record, lambda _: _LIST, {_LIST: RamList, _PAGES: PageRecords()}, Pass),
            before=_record,
            indexed=False,
        ),
    ),
    step("eos", EndOfSection),
)

# Sections of other live devices with known records.

_ENDS_VFIO = (
    VFIO_MIG_FLAG_END_OF_STATE,
    VFIO_MIG_FLAG_DEV_INIT_DATA_SENT,
    VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY,
)


def _refuse_device_state(c: Any, path: str) -> None:
    """Refuse the tag of a device's state, whose length only the JSON text gives."""
    if c.record["tag"] == VFIO_MIG_FLAG_DEV_CONFIG_STATE:
        raise FormatError("the state of a device follows", path=path)


DirtyBitmapChunk = Record(live.DirtyBitmapChunk)

DirtyBitmaps = step(
    "chunks",
    Repeat(
        LeanStruct(
            here("record", DirtyBitmapChunk),
            Extent(lambda c: c.record["buf_size"] or 0, told_by="buf_size"),
        ),
        until=lambda item, _: item.record["chunk_flags"] & DIRTY_BITMAP_EOS,
    ),
)

HashTable = LeanStruct(
    step("table", Record(live.HtabHeader)),
    step(
        "chunks",
        Repeat(
            LeanStruct(
                here("record", Record(live.HtabChunk)),
                Extent(lambda c: c.record["n_valid"] * HTAB_ENTRY, told_by="n_valid"),
            ),
            # The first section holds only the size of the table.
            before=lambda c: c.table["section_hdr"] == 0,
            until=lambda item, _: not any(item.record.values()),
        ),
    ),
)

StorageAttributes = step(
    "records",
    Repeat(
        LeanStruct(
            here("record", Record(live.StorageAttributes)),
            Extent(lambda c: c.record["count"] or 0, told_by="count"),
        ),
        until=lambda item, _: item.record["addr_and_flags"] & STATTR_FLAG_MASK == STATTR_FLAG_EOS,
    ),
)

Vfio = step(
    "records",
    Repeat(
        LeanStruct(
            here("record", Record(live.VfioRecord)),
            Extent(lambda c: c.record["data_size"] or 0, told_by="data_size"),
            Told(_refuse_device_state),
        ),
        until=lambda item, _: item.record["tag"] in _ENDS_VFIO,
    ),
)

# A section: its header, its payload, and a footer if the machine writes footers.

#: Payloads of live devices with known records, by the end of the `idstr`.
LIVE_PAYLOADS = {
    "dirty-bitmap": DirtyBitmaps,
    "spapr/htab": HashTable,
    "s390-storage_attributes": StorageAttributes,
    "s390-skeys": StorageAttributes,
    "/vfio": Vfio,
}


def _payload(c: Any) -> Payload:
    """Device of the payload: PART and END name it by the `section_id` of its START."""
    header = c.header
    section_type, section_id = header["section_type"], header["section_id"]
    if "idstr" in header:
        return Payload(section_type, section_id, header["idstr"], header["instance_id"])
    return Payload(section_type, section_id, *c._io.said.started.get(section_id, (None, None)))


def _grammar(c: Any) -> str | None:
    """Key of the payload's declaration."""
    idstr = c.whose.idstr or ""
    if idstr == RAM_SECTION_IDSTR and c.whose.section_type != SectionType.FULL:
        return RAM_SECTION_IDSTR
    return live_payload(idstr)


def live_payload(idstr: str) -> str | None:
    """The key in `LIVE_PAYLOADS` for the device `idstr`; None if it has none."""
    return next((end for end in LIVE_PAYLOADS if idstr.endswith(end)), None)


def _note_start(c: Any, _path: str) -> None:
    header = c.header
    if header["section_type"] == SectionType.START:
        c._io.said.started[header["section_id"]] = header["idstr"], header["instance_id"]


def _has_footer(c: Any) -> bool:
    said, there = c._io.said, _next(c) == SectionType.FOOTER
    said.footers = there or said.footers or False
    return there


def _is_whole(c: Any) -> bool:
    """Whether the payload can end after the parsed records: a footer follows."""
    return c._io.said.footers is False or _next(c) == SectionType.FOOTER


def _footer(c: Any) -> Fields:
    return {"section_id": c.header["section_id"]}


_opaque = Opaque(lambda c: c.whose)
_BEHIND_HEADER = (
    here("whose", Told(lambda c, _: _payload(c))),
    here(
        "payload",
        Switch(
            _grammar,
            {RAM_SECTION_IDSTR: Ram}
            | {end: Attempt(grammar, _opaque, _is_whole) for end, grammar in LIVE_PAYLOADS.items()},
            default=_opaque,
        ),
    ),
    step("footer", Maybe(_has_footer, Structure(section.SectionFooter, values=_footer))),
)

SectionStart = LeanStruct(
    step("header", Structure(section.SectionStart)),
    Told(_note_start),
    *_BEHIND_HEADER,
)

SectionPart = LeanStruct(step("header", Structure(section.SectionPart)), *_BEHIND_HEADER)

# A command, and the stream packaged behind it.


def _note_command(c: Any, _path: str) -> None:
    # With postcopy-ram, some block headers have the page size of the host.
    if c.header["command"] == CommandType.POSTCOPY_ADVISE and c.header["data"]:
        c._io.said.postcopy_advised = True


def _len_packaged(c: Any) -> int:
    """Bytes of the packaged stream, which follows the command and is not part of it."""
    data = c.header["data"]
    packaged = c.header["command"] == CommandType.PACKAGED and len(data) == PACKAGED_LENGTH
    return int.from_bytes(data, "big") if packaged else 0


Command = LeanStruct(
    step("header", Structure(section.Command)),
    Told(_note_command, built=False),
    here(
        "packaged",
        Extent(
            _len_packaged,
            told_by="header/data",
            what=lambda _: "command: the packaged stream ends",
        ),
    ),
)

# All sections, and the JSON text after them.


def no_section(c: Any, path: str) -> FormatError:
    """Error for bytes at `path` that do not begin a section."""
    kind, path = _next(c), f"{path}/section_type"
    if kind is None:
        return TruncatedError(
            "section_type: the file ends where a section should begin",
            offset=c._io.tell(),
            path=path,
        )
    return FormatError(
        f"section_type: no section begins with {kind:#04x}",
        offset=c._io.tell(),
        path=path,
        expected="EOF, START, PART, END, FULL or COMMAND",
        actual=kind,
    )


EndOfStream = LeanStruct(step("header", Structure(section.EndOfStream)))

Section = Choice(
    _next,
    lambda given: given["header"]["section_type"],
    {
        SectionType.START: SectionStart,
        SectionType.FULL: SectionStart,
        SectionType.PART: SectionPart,
        SectionType.END: SectionPart,
        SectionType.COMMAND: Command,
        SectionType.EOF: EndOfStream,
    },
    Refused(no_section),
)


VmDescription = LeanStruct(
    step(
        "header",
        Structure(
            section.VmDescription,
            derived=lambda c, *_: {"vmdesc_len": len(c.text)},
        ),
    ),
    here("text", Text(lambda c: c.header["vmdesc_len"])),
)

# The configuration section.


def _note_subsection(c: Any, _path: str) -> None:
    said, body = c._io.said, c.subsection["body"]
    said.target_page_bits = body.get("target_page_bits", said.target_page_bits)
    if "capabilities" in body:
        said.capabilities = tuple(entry["name"] for entry in body["capabilities"])


def _note_configuration(c: Any, _path: str) -> None:
    said = c._io.said
    said.has_configuration = True
    said.mapped_ram = CAPABILITY_MAPPED_RAM in said.capabilities


Subsection = LeanStruct(
    here(
        "subsection",
        Structure(
            stream.ConfigurationSubsection,
            values=lambda _: {"version_id": 1},
        ),
    ),
    Told(_note_subsection),
)

Configuration = LeanStruct(
    step("header", Structure(stream.ConfigurationHeader)),
    step("subsections", Repeat(Subsection, before=_is_next(SectionType.SUBSECTION))),
    Told(_note_configuration),
)

#: The structures of a PART with EOS only; a live guest can write thousands of them.
IDLE_PART = ("section_part", "end_of_section", "section_footer")

Stream = LeanStruct(
    step("header", Structure(stream.StreamHeader)),
    step("configuration", Maybe(_is_next(SectionType.CONFIGURATION), Configuration)),
    step(
        "sections",
        Repeat(
            Section,
            before=lambda c: not c._io.said.rest,
            until=lambda item, _: item.header["section_type"] == SectionType.EOF,
            counted="sections",
            alike=IDLE_PART,
        ),
    ),
    # The JSON text, if present, continues the list of sections.
    here(
        "description",
        At(
            "/sections",
            Repeat(
                VmDescription,
                before=_is_next(SectionType.VMDESCRIPTION),
                until=lambda *_: True,
                counted="sections",
            ),
        ),
    ),
)
