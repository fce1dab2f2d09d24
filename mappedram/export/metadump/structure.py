"""Keep the structure of a stream: headers, bitmaps, the JSON text, bytes that rules need."""

import json

from mappedram.check.bitmap_audit import first_nonzero
from mappedram.check.context import Context
from mappedram.check.rules.capabilities import first_header, looked_at
from mappedram.export.metadump.runs import Kept
from mappedram.format import structures
from mappedram.format.arithmetic import bitmap_size
from mappedram.format.constants import RAM_SECTION_IDSTR, CommandType, SectionType
from mappedram.format.section import VmDescription
from mappedram.stream.model import Element, RamBlock, Section, is_kind
from mappedram.stream.reader.vmdescription import JSON_MAX
from mappedram.stream.snapshot import OpenSnapshot

#: Most bytes of data of a command that are kept: a number or two. Longer data may hold names.
_COMMAND_DATA_MAX = 16
#: Bytes of the bitmap of a block of fewer than 64 pages.
_WORD = 8
_VMDESCRIPTION_HEADER: int = VmDescription.sizeof()
_UUID = "configuration/uuid"
#: Replacement for the rest of a text that is not JSON, behind the error.
_FILLER = b"x" * 256
#: Replacement for JSON that is too long or too deep: it keeps no word and no number.
_SHAPE = bytes(
    byte if byte in b'[]{}":, ' else ord("1" if byte in b"0123456789" else "x")
    for byte in range(256)
)


def keep_structure(context: Context, kept: Kept, *, names: bool) -> int:
    """Keep what the reader followed, and what rules need besides pages and device state.

    Args:
        context: the file.
        kept: collects the kept parts.
        names: keep the UUID of the guest.

    Returns:
        Number of bytes of names that were left out.
    """
    hidden = sum(_keep_element(element, kept, names=names) for element in context.stream.elements)
    _keep_first_header(context, kept)
    _keep_description(context.snapshot, kept)
    _keep_bitmaps(context, kept)
    _keep_strays(context, kept)
    return hidden


def _keep_element(element: Element[object], kept: Kept, *, names: bool) -> int:
    """Keep one structure; return the number of bytes left out of it as a name."""
    end = element.end
    if is_kind(element, structures.COMMAND):
        known = element.values["command"] in set(CommandType)
        if not known or len(element.values["data"]) > _COMMAND_DATA_MAX:
            end -= len(element.values["data"])
    if is_kind(element, structures.CONFIGURATION_SUBSECTION) and not names:
        body = element.values["body"]
        end -= len(body["uuid"]) if "uuid" in body else 0
    kept.keep(element.offset, end)
    return element.end - end if element.kind != structures.COMMAND else 0


def _keep_first_header(context: Context, kept: Kept) -> None:
    """Keep the header that the first block would have with other capabilities: a rule needs it."""
    found = first_header(context)
    if found is not None:
        record = next(context.of_kind(structures.MEM_SIZE))
        kept.keep(record.end, record.end + 1)
        kept.keep(found.offset, min(found.offset + found.size, context.stream.file_size))
        return
    # Only if a header was announced and refused: otherwise, these bytes may be pages.
    if context.stream.announces_mapped_ram and not context.stream.blocks:
        for start, end in looked_at(context):
            kept.keep(start, max(start, min(end, context.stream.file_size)))


def _keep_description(snapshot: OpenSnapshot, kept: Kept) -> None:
    """Keep the JSON text: the valid part, otherwise as much as shows why it is not JSON."""
    description = snapshot.stream.vmdescription
    if description is None:
        return
    start, end = description.offset, description.offset + description.length
    if description.document is None:
        text = snapshot.source.read(start, min(description.length, JSON_MAX))
        length = _parsed_length(text)
        end = start + (length or 0)
        kept.put(end, text[end - start :].translate(_SHAPE if length is None else _FILLER))
    kept.keep(start - _VMDESCRIPTION_HEADER, end)


def _parsed_length(text: bytes) -> int | None:
    """Length of a text up to and including the byte that shows that it is not JSON.

    None if no single byte is the cause, but the depth of nesting, or the length of a number.
    """
    encoding = json.detect_encoding(text)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return len(error.doc[: error.pos + 1].encode(encoding, "surrogatepass"))
    except UnicodeDecodeError as error:
        return error.end
    except (ValueError, RecursionError):
        return None
    return 0


def _keep_bitmaps(context: Context, kept: Kept) -> None:
    """Keep the bitmaps that overlap nothing; others may lie over anything."""
    shared = {claim.path for pair in context.overlaps for claim in pair}
    located = {block.model.path for block in context.located}
    begin, end = context.stream.offset, context.stream.file_size
    doubtful: list[int] = []
    for block in context.stream.blocks:
        offset, size = block.bitmap_offset, block.bitmap_size
        if offset is None:
            continue
        sound = block.path in located
        if not sound:
            size = min(size, _usual_size(context, block))
            sound = offset == block.header_end
        inside = begin <= offset and offset + size <= end
        if sound and inside and f"{block.path}/bitmap" not in shared:
            kept.keep(offset, offset + size)
        elif 0 < block.num_pages < _WORD * 8:
            doubtful.append(offset)
    _keep_shapes(context, doubtful, kept)


def _usual_size(context: Context, block: RamBlock) -> int:
    """Bytes of the bitmap of a block with an impossible page size."""
    page_size = context.stream.page_size
    return bitmap_size(block.used_length // page_size) if page_size else 0


def _keep_shapes(context: Context, offsets: list[int], kept: Kept) -> None:
    """Keep which bytes are zero in the words that the byte order is guessed from."""
    places = {
        offset + index
        for offset in offsets
        for index, byte in enumerate(context.source.read(offset, _WORD))
        if byte
    }
    for place in sorted(places):
        if not kept.holds(place):
            kept.put(place, b"\x01")


def _keep_strays(context: Context, kept: Kept) -> None:
    """Keep the first non-zero byte of each piece of padding: `check` shows it."""
    if context.source.is_remote:
        return  # `check` does not read the padding either
    located = {block.model.path for block in context.located}
    for region in context.snapshot.regions():
        of_a_block = region.kind == "padding" and region.path.rpartition("/")[0] in located
        if region.offset >= context.stream.offset and (of_a_block or region.path == "/gap"):
            stray = first_nonzero(context.source, region.offset, region.end)
            if stray is not None:
                kept.keep(stray, stray + 1)


def is_ram(section: Section) -> bool:
    """Whether the payload of a section is records of RAM."""
    return section.idstr == RAM_SECTION_IDSTR and section.type != SectionType.FULL
