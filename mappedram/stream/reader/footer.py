"""Find the end of a payload of unknown length by the footer after it."""

import re
from collections.abc import Iterator
from functools import lru_cache

from mappedram.format.constants import CommandType, SectionType
from mappedram.format.section import SectionFooter, SectionPart
from mappedram.io.source import Source

FOOTER_SIZE: int = SectionFooter.sizeof()
#: Bytes at the start of every section: its type and section_id, or command and length.
_HEAD: int = SectionPart.sizeof()
#: Bytes to search for a footer; payloads of devices are far shorter.
SEARCH_MAX = 256 << 20
#: Bytes that are read at once: few at first, because most payloads are short.
_CHUNK_MIN, _CHUNK_MAX = 1 << 12, 1 << 20


@lru_cache(maxsize=1024)
def footer_bytes(section_id: int) -> bytes:
    """The footer of a section. Source: QEMU migration/savevm.c, save_section_footer()."""
    values = {"section_type": SectionType.FOOTER, "section_id": section_id}
    data: bytes = SectionFooter.build(values)
    return data


def find_footer(source: Source, start: int, section_id: int) -> int | None:
    """Offset of the first footer of `section_id` at or after `start` with a valid successor.

    None if there is none within reach.
    """
    found = footers(source, start, section_id)
    return next((at for at in found if is_section_start(source, at + FOOTER_SIZE)), None)


def footers(source: Source, start: int, section_id: int) -> Iterator[int]:
    """Offsets at or after `start` of possible footers of `section_id`, within reach."""
    wanted = footer_bytes(section_id)
    # In zeros, which most payloads consist of, `bytes.find` takes twenty times as long.
    search = re.compile(re.escape(wanted)).search
    end = min(source.size, start + SEARCH_MAX)
    position, size = start, _CHUNK_MIN
    while position < end:
        chunk = source.read(position, size + len(wanted) - 1)
        found = search(chunk)
        while found:
            yield position + found.start()
            found = search(chunk, found.start() + 1)
        position, size = position + size, min(2 * size, _CHUNK_MAX)


def is_section_start(source: Source, offset: int) -> bool:
    """Whether the bytes at `offset` could be the next section of a stream."""
    head = source.peek(offset, 10)
    if not head:
        return False
    if head[0] in (SectionType.START, SectionType.FULL):
        name = source.peek(offset + _HEAD + 1, head[_HEAD] if len(head) > _HEAD else 0)
        return len(name) > 0 and name.isascii() and name.decode("ascii").isprintable()
    if head[0] in (SectionType.PART, SectionType.END):
        return len(head) >= _HEAD
    if head[0] == SectionType.COMMAND:
        return len(head) >= _HEAD and 0 < int.from_bytes(head[1:3], "big") <= max(CommandType)
    if head[0] != SectionType.EOF:
        return False
    # On a device, old data follows the end of the stream.
    return source.is_device or head[1:2] in (b"", bytes([SectionType.VMDESCRIPTION]))
