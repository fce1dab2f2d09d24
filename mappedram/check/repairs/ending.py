"""Repairs of the end of a stream: END of RAM, bytes behind the end."""

from collections.abc import Iterator
from dataclasses import replace

from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import DRIVER, RepairSession
from mappedram.errors import TruncatedError
from mappedram.format import file
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import RAM_SECTION_IDSTR, SectionType
from mappedram.sizes import OFFSET_MAX
from mappedram.stream.model import Section
from mappedram.stream.reader.footer import footer_bytes
from mappedram.stream.writer.build import Built, build

#: Limit of the sections of devices and their text, which move to make room for END; they take a few
#: MiB.
_TAIL_MAX = 1 << 28

_NO_DEVICES = "the file has no device state: QEMU cannot load it, but its memory can be read"
_NO_TEXT = "without a JSON description, the file does not prove that the save was complete"


def block_list(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-002: the file ends in the page area of the last block.

    QEMU lays out all blocks before it writes the first page. So the missing part of the file was
    not written yet, and becomes a hole.
    """
    stream = case.stream
    if case.has_all_blocks or not isinstance(stream.stopped, TruncatedError):
        return
    last = stream.blocks[-1] if stream.blocks else None
    start = case.context.ram_start
    if (
        last is None
        or start is None
        or start.section_id is None
        or not case.total_agrees
        or not is_page_size(last.page_size or 0)
        or last.pages_offset != last.usual_pages_offset
        or last.next_offset > OFFSET_MAX // 2
        or not _has_pages(case)
    ):
        return
    earlier = [section for section in stream.sections if section.type == SectionType.FULL]
    has_footers = all(section.footer_id is not None for section in earlier)
    eos = build(DRIVER, file.EndOfSection, {})
    footer = footer_bytes(start.section_id) if has_footers else b""
    yield Change(
        f"{last.path}/pages",
        stream.file_size,
        f"end of the file at {stream.file_size:#x}",
        f"a hole to {last.next_offset:#x}, and EOS",
        certain=False,
        note="the missing part of the last block was not written yet, or was truncated",
        edits=(Edit(last.next_offset, eos + footer, is_end=True),),
    )


def _has_pages(case: RepairSession) -> bool:
    """Whether the page areas take space on the disk; otherwise there is nothing to read."""
    return any(
        case.source.has_data(block.pages_offset, block.next_offset)
        for block in case.stream.blocks
        if block.pages_offset is not None
    )


def ram_end(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-001 and E-002: bitmaps are final with the EOS of END of RAM (clause 7.4.4).

    With mapped-ram, a PART holds nothing but EOS, and differs from END only in its first byte. So
    the last PART becomes END, if there is one, and nothing has to move. An interrupted save gets no
    EOF: without its devices it must not look complete.
    """
    stream = case.stream
    if stream.ram_ended or not case.has_all_blocks or not case.context.judged:
        return
    start = case.context.ram_start
    assert start is not None
    own = [s for s in stream.sections[stream.sections.index(start) :] if s.idstr == start.idstr]
    if isinstance(stream.stopped, TruncatedError) and own[-1] is stream.sections[-1]:
        if not case.context.bitmaps_are_empty:  # else no page was written, or none remains
            yield _closed(own)
        return
    # EOF is a zero byte, as holes have them: only the devices show that the save finished.
    has_devices = any(section.type == SectionType.FULL for section in stream.sections)
    if not stream.ended or not (has_devices or case.devices_saved):
        return
    change = _turned(own[-1]) if len(own) > 1 else _inserted(case, start)
    if change and not case.devices_saved:
        change = replace(change, certain=False, note=_NO_TEXT)
    if change:
        yield change


def _turned(part: Section) -> Change:
    """Change the last PART into END."""
    return Change(
        f"{part.path}/header/section_type",
        part.offset,
        "PART of RAM",
        "END of RAM",
        edits=(Edit(part.offset, bytes([SectionType.END])),),
    )


def _inserted(case: RepairSession, start: Section) -> Change | None:
    """Insert END behind START, before the sections of the devices."""
    assert start.section_id is not None
    tail = case.source.size - start.end
    if tail > _TAIL_MAX:
        return None
    end = _end_section(start.section_id, footer=start.footer_id is not None)
    return Change(
        start.path,
        start.end,
        "START of RAM",
        "START and END of RAM",
        edits=(Edit(start.end, end + case.source.read(start.end, tail), is_end=True),),
        moves=True,
    )


def _closed(own: list[Section]) -> Change:
    """Write END where the save was interrupted, in place of an incomplete section."""
    start, last = own[0], own[-1]
    assert start.section_id is not None
    # The first footer is missing only if the file ends there.
    has_footers = start.footer_id is not None or last is start
    missing = b""
    if last is start:
        place = last.end
        if last.footer_id is None:
            missing = footer_bytes(start.section_id)
    elif last.footer_id is None and has_footers:
        place = last.offset
    else:
        place = last.end
    end = _end_section(start.section_id, footer=has_footers)
    return Change(
        f"/{RAM_SECTION_IDSTR}/end",
        place,
        "no END of RAM",
        "END of RAM",
        certain=False,
        note=_NO_DEVICES,
        edits=(Edit(place, missing + end, is_end=True),),
    )


def _end_section(section_id: int, *, footer: bool) -> bytes:
    """Build END of RAM.

    Source: QEMU migration/savevm.c, save_section_header(); migration/ram.c, ram_save_complete().
    """
    header = {"section_type": SectionType.END, "section_id": section_id}
    built = Built(DRIVER)
    built.said.started[section_id] = RAM_SECTION_IDSTR, 0
    built.add(
        file.Section,
        {"header": header, "payload": {"records": []}, "footer": {} if footer else None},
    )
    return built.data


def trailing_bytes(case: RepairSession) -> Iterator[Change]:
    """Clause 4.7.7: nothing follows the end of the stream."""
    stream = case.stream
    length = stream.file_size - stream.end
    if stream.complete and not stream.stopped and length > 0 and not case.source.is_device:
        yield Change(
            "/after_the_stream",
            stream.end,
            f"{length:#x} {'byte' if length == 1 else 'bytes'}",
            "end of the file",
            count=length,
            edits=(Edit(stream.end, b"", is_end=True),),
        )
