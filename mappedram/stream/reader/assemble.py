"""What the structures of a stream come to: its configuration, blocks and sections."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.constants import RAM_SAVE_FLAG_MEM_SIZE, SectionType
from mappedram.stream.model import Configuration, Element, MappedRamHeader, RamBlock, Section

#: The structures that sections begin with.
_HEADERS = {"section_start", "section_part", "command", "end_of_stream", "vmdescription"}


def configuration(
    elements: Iterable[Element], left_out: Callable[[int, int], Iterable[object]]
) -> Configuration | None:
    """The configuration section; None where there is none.

    Args:
        elements: the structures of a stream, in its order.
        left_out: which parts of a range of the file a metadump left out.
    """
    machine: str | None = None
    found: dict[str, Any] = {}
    uuid_left_out = False
    for element in elements:
        if element.kind == "configuration_header":
            machine = element.values["name"]
        elif element.kind == "configuration_subsection":
            body = element.values["body"]
            found |= body
            if "uuid" in body:
                uuid_left_out = any(left_out(element.end - len(body["uuid"]), element.end))
        elif element.kind != "stream_header":
            break
    if machine is None:
        return None
    return Configuration(
        machine,
        target_page_bits=found.get("target_page_bits"),
        capabilities=tuple(entry["name"] for entry in found.get("capabilities", ())),
        uuid=None if uuid_left_out else found.get("uuid"),
        uuid_left_out=uuid_left_out,
    )


def totals(elements: Iterable[Element]) -> tuple[int, ...]:
    """The sums of all lists of blocks, in bytes."""
    return tuple(
        element.values["total_and_flags"] - RAM_SAVE_FLAG_MEM_SIZE
        for element in elements
        if element.kind == "mem_size"
    )


def blocks(elements: Iterable[Element], word_size: int = DEFAULT_WORD_SIZE) -> tuple[RamBlock, ...]:
    """The blocks of all lists; `word_size` is that of the host that wrote the bitmaps."""
    return tuple(
        RamBlock(
            path=element.path,
            offset=element.offset,
            header_length=element.length,
            idstr=element.values["idstr"],
            used_length=element.values["used_length"],
            addr=element.values["addr"],
            mapped_ram=_mapped_ram(element.values["mapped_ram"]),
            word_size=word_size,
        )
        for element in elements
        if element.kind == "ramblock_header"
    )


def _mapped_ram(values: Mapping[str, int] | None) -> MappedRamHeader | None:
    return MappedRamHeader(**values) if values else None


def sections(elements: Sequence[Element], end: int) -> tuple[Section, ...]:
    """The sections; the last one reaches up to `end`, unless it has a footer."""
    found = []
    started: dict[int, Section] = {}
    header: Element | None = None
    footer: Element | None = None
    for element in elements:
        if element.kind in _HEADERS:
            if header is not None:
                found.append(_section(header, footer, element.offset, started))
            header, footer = element, None
        elif element.kind == "section_footer":
            footer = element
    if header is not None:
        found.append(_section(header, footer, end, started))
    return tuple(found)


def _section(
    header: Element, footer: Element | None, end: int, started: dict[int, Section]
) -> Section:
    values = header.values
    section_id: int | None = values.get("section_id")
    start = started.get(values["section_id"]) if header.kind == "section_part" else None
    section = Section(
        path=header.path.removesuffix("/header"),
        type=SectionType(values["section_type"]),
        offset=header.offset,
        header_length=header.length,
        payload_length=max(0, (footer.offset if footer else end) - header.end),
        footer_id=footer.values["section_id"] if footer else None,
        footer_length=footer.length if footer else 0,
        section_id=section_id,
        idstr=start.idstr if start else values.get("idstr"),
        instance_id=start.instance_id if start else values.get("instance_id"),
        version_id=values.get("version_id"),
        command=values.get("command"),
        data=values.get("data", b""),
    )
    if section.type == SectionType.START:
        started[values["section_id"]] = section
    return section
