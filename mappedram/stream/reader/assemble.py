"""Make the configuration, blocks and sections from the structures of a stream."""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from mappedram.format import structures
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.constants import RAM_SAVE_FLAG_MEM_SIZE, SectionType
from mappedram.stream.model import Configuration, Element, RamBlock, Section, is_kind, of_kind

#: The first structures of sections.
_HEADERS = {
    structures.SECTION_START,
    structures.SECTION_PART,
    structures.COMMAND,
    structures.END_OF_STREAM,
    structures.VMDESCRIPTION,
}
_SectionHeader = (
    structures.SectionStart
    | structures.SectionPart
    | structures.Command
    | structures.EndOfStream
    | structures.VmDescription
)


def configuration(
    elements: Iterable[Element[object]], left_out: Callable[[int, int], Iterable[object]]
) -> Configuration | None:
    """The configuration section; None if there is none.

    Args:
        elements: the structures of a stream, in its order.
        left_out: returns the parts of a range of the file that a metadump left out.
    """
    machine: str | None = None
    target_page_bits: int | None = None
    capabilities: tuple[str, ...] = ()
    uuid: bytes | None = None
    uuid_left_out = False
    for element in elements:
        if is_kind(element, structures.CONFIGURATION_HEADER):
            machine = element.values["name"]
        elif is_kind(element, structures.CONFIGURATION_SUBSECTION):
            body = element.values["body"]
            if "target_page_bits" in body:
                target_page_bits = body["target_page_bits"]
            elif "capabilities" in body:
                capabilities = tuple(entry["name"] for entry in body["capabilities"])
            else:
                uuid = body["uuid"]
                uuid_left_out = any(left_out(element.end - len(uuid), element.end))
        elif element.kind != structures.STREAM_HEADER:
            break
    if machine is None:
        return None
    return Configuration(
        machine,
        target_page_bits=target_page_bits,
        capabilities=capabilities,
        uuid=None if uuid_left_out else uuid,
        uuid_left_out=uuid_left_out,
    )


def totals(elements: Iterable[Element[object]]) -> tuple[int, ...]:
    """The announced totals of all lists of blocks, in bytes."""
    return tuple(
        element.values["total_and_flags"] - RAM_SAVE_FLAG_MEM_SIZE
        for element in of_kind(elements, structures.MEM_SIZE)
    )


def blocks(
    elements: Iterable[Element[object]], word_size: int = DEFAULT_WORD_SIZE
) -> tuple[RamBlock, ...]:
    """The blocks of all lists; `word_size` is that of the host that wrote the bitmaps."""
    headers = of_kind(elements, structures.RAMBLOCK_HEADER)
    return tuple(RamBlock(header, word_size) for header in headers)


def sections(elements: Sequence[Element[object]], end: int) -> tuple[Section, ...]:
    """The sections; the last one extends to `end`, unless it has a footer."""
    found = []
    started: dict[int, Section] = {}
    header: Element[object] | None = None
    footer: Element[structures.SectionFooter] | None = None
    for element in elements:
        if element.kind in _HEADERS:
            if header is not None:
                found.append(_section(header, footer, element.offset, started))
            header, footer = element, None
        elif is_kind(element, structures.SECTION_FOOTER):
            footer = element
    if header is not None:
        found.append(_section(header, footer, end, started))
    return tuple(found)


def _section(
    header: Element[object],
    footer: Element[structures.SectionFooter] | None,
    end: int,
    started: dict[int, Section],
) -> Section:
    section_id: int | None = None
    idstr: str | None = None
    instance_id: int | None = None
    version_id: int | None = None
    command: int | None = None
    data = b""
    if is_kind(header, structures.SECTION_PART):
        section_id = header.values["section_id"]
        start = started.get(section_id)
        if start:
            idstr, instance_id = start.idstr, start.instance_id
    elif is_kind(header, structures.SECTION_START):
        section_id, idstr = header.values["section_id"], header.values["idstr"]
        instance_id, version_id = header.values["instance_id"], header.values["version_id"]
    elif is_kind(header, structures.COMMAND):
        command, data = header.values["command"], header.values["data"]
    section = Section(
        path=header.path.removesuffix("/header"),
        type=SectionType(cast("_SectionHeader", header.values)["section_type"]),
        offset=header.offset,
        header_length=header.length,
        payload_length=max(0, (footer.offset if footer else end) - header.end),
        footer_id=footer.values["section_id"] if footer else None,
        footer_length=footer.length if footer else 0,
        section_id=section_id,
        idstr=idstr,
        instance_id=instance_id,
        version_id=version_id,
        command=command,
        data=data,
    )
    if section.type == SectionType.START and section_id is not None:
        started[section_id] = section
    return section
