"""Byte maps: a structure as a row of boxes, one for each field."""

from html import escape

from tools.generate import ksy
from tools.generate.format_tables import BITS

#: Units for each byte of a field, and limits of the width of a box.
_PER_BYTE = 13
_NARROWEST = 54
_WIDEST = 190
#: Approximate width of a character.
_LETTER = 7.4


def byte_map(entry: ksy.Type) -> str:
    """The fields in order, as boxes that wrap where the page ends.

    Fields of unknown length have broken edges, those that a condition may omit dotted ones.
    """
    boxes, offset = [], "0"
    for field in entry.fields:
        size = _size(field)
        label = f"{size} B" if size else field.size or "varies"
        width = _width(max(field.name, label, key=len), size)
        boxes.append(_box(width, field, label, offset))
        known = size is not None and not field.condition and offset
        offset = str(int(offset) + size) if known and size is not None else ""
    title = f"Bytes of {entry.name}: {', '.join(field.name for field in entry.fields)}"
    return f'<div class="bytes" role="img" aria-label="{escape(title)}">{"".join(boxes)}</div>'


def _size(field: ksy.Field) -> int | None:
    """Size in bytes if it is the same in every file."""
    if field.type in BITS:
        return BITS[field.type] // 8
    return int(field.size) if field.size.isdigit() else None


def _width(text: str, size: int | None) -> float:
    """Width for the longest text in the box and, up to the limit, for its bytes."""
    written = max(_NARROWEST, len(text) * _LETTER + 14)
    return max(written, min(_PER_BYTE * (size or 0), _WIDEST))


def _box(width: float, field: ksy.Field, label: str, offset: str) -> str:
    edge = " varies" if _size(field) is None else ""
    edge = " maybe" if field.condition else edge
    return (
        f'<span class="field" style="width: {width:.0f}px"><span class="at">{offset}</span>'
        f'<span class="box{edge}">{escape(field.name)}'
        f'<span class="size">{escape(label)}</span></span></span>'
    )
