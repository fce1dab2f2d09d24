"""Which bytes of a stream are structure: headers, bitmaps, the JSON text, what `check` points at."""

from mappedram.check.context import Context
from mappedram.check.survey import first_nonzero
from mappedram.layout.constants import RAM_SECTION_IDSTR, CommandType, SectionType
from mappedram.metadump.runs import Kept
from mappedram.model import Element, RamBlock, Section, bitmap_size
from mappedram.snapshot import Snapshot

#: Data of a command that QEMU knows: a number or two. Longer ones hold names, or anything.
_COMMAND_DATA_MAX = 16
_COMMAND_HEADER = 5
#: Bytes of the bitmap of a block of fewer than 64 pages.
_WORD = 8
_VMDESCRIPTION_HEADER = 5
_UUID_SIZE = 16
_UUID = "configuration/uuid"


def keep_structure(context: Context, kept: Kept, *, names: bool) -> int:
    """Keep what the reader followed, and what rules look at besides pages and device state.

    Args:
        context: the file.
        kept: what is kept of it.
        names: whether the UUID of the guest is.

    Returns:
        Bytes of names that were left out.
    """
    hidden = sum(_keep_element(element, kept, names=names) for element in context.stream.elements)
    _keep_description(context.snapshot, kept)
    _keep_bitmaps(context, kept)
    _keep_strays(context, kept)
    return hidden


def _keep_element(element: Element, kept: Kept, *, names: bool) -> int:
    """Keep one structure; returns how many bytes of it were left out as a name."""
    end = element.end
    if element.kind == "command":
        known = element.values["command"] in set(CommandType)
        if not known or len(element.values["data"]) > _COMMAND_DATA_MAX:
            end = element.offset + _COMMAND_HEADER
    if element.kind == "configuration_subsection" and element.values["idstr"] == _UUID:
        end -= 0 if names else _UUID_SIZE
    kept.keep(element.offset, end)
    return element.end - end if element.kind != "command" else 0


def _keep_description(snapshot: Snapshot, kept: Kept) -> None:
    """The JSON text: all of what is JSON, else as much as says why it is not."""
    description = snapshot.stream.vmdescription
    if description is None:
        return
    start, end = description.offset, description.offset + description.length
    if description.document is None:
        text = snapshot.source.read(start, description.length)
        end = start + _parsed_length(text)
    kept.keep(start - _VMDESCRIPTION_HEADER, end)


def _parsed_length(text: bytes) -> int:
    """Bytes of a text up to and with the one at which it turns out not to be JSON."""
    import json

    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return len(text[: error.pos + 1]) if text.isascii() else 0
    except (ValueError, RecursionError):
        return 0
    return 0


def _keep_bitmaps(context: Context, kept: Kept) -> None:
    """The bitmaps that have their bytes to themselves; others may lie over anything."""
    shared = {claim.path for pair in context.overlaps for claim in pair}
    located = {block.model.path for block in context.located}
    for block in context.stream.blocks:
        offset, size = block.bitmap_offset, block.bitmap_size
        if offset is None:
            continue
        if block.path not in located:
            size = min(size, _usual_size(context, block))
            offset = offset if offset == block.header_end else None
        inside = offset is not None and context.stream.offset <= offset
        if (
            inside
            and offset is not None
            and offset + size <= context.stream.file_size
            and f"{block.path}/bitmap" not in shared
        ):
            kept.keep(offset, offset + size)
        elif 0 < block.num_pages < _WORD * 8:
            _keep_shape(context.snapshot, block, kept)


def _usual_size(context: Context, block: RamBlock) -> int:
    """Bytes of a bitmap whose block gives a page size that cannot be."""
    page_size = context.stream.page_size
    return bitmap_size(block.used_length // page_size) if page_size else 0


def _keep_shape(snapshot: Snapshot, block: RamBlock, kept: Kept) -> None:
    """Of the word that the byte order is guessed from: which of its bytes are zero."""
    data = snapshot.source.read(block.bitmap_offset or 0, _WORD)
    for index, byte in enumerate(data):
        if byte:
            kept.put((block.bitmap_offset or 0) + index, b"\x01")


def _keep_strays(context: Context, kept: Kept) -> None:
    """The first byte of each piece of padding that is not zero: `check` shows it."""
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
