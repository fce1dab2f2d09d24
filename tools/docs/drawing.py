"""Byte maps: a structure as a row of boxes, one for each field."""

from html import escape

from tools.generate import ksy
from tools.generate.format_tables import BITS

#: Units for each byte of a field, and limits of the width of a box.
_PER_BYTE = 13
_NARROWEST = 54
_WIDEST = 190
_HEIGHT = 46
#: Approximate width of a character.
_LETTER = 7.4


def byte_map(entry: ksy.Type) -> str:
    """An SVG of the fields in order; boxes of fields of unknown length have broken edges."""
    boxes, x, offset = [], 0.0, "0"
    for field in entry.fields:
        size = _size(field)
        label = f"{size} B" if size else field.size or "varies"
        width = _width(max(field.name, label, key=len), size)
        boxes.append(_box(x, width, field, label, offset))
        known = size is not None and not field.condition and offset
        offset = str(int(offset) + size) if known and size is not None else ""
        x += width
    title = f"Bytes of {entry.name}: {', '.join(field.name for field in entry.fields)}"
    return (
        f'<svg class="bytes" role="img" aria-label="{escape(title)}"'
        f' viewBox="0 -16 {x + 2:.0f} {_HEIGHT + 18}" width="{x + 2:.0f}">{"".join(boxes)}</svg>'
    )


def _size(field: ksy.Field) -> int | None:
    """Size in bytes if it is the same in every file."""
    if field.type in BITS:
        return BITS[field.type] // 8
    return int(field.size) if field.size.isdigit() else None


def _width(text: str, size: int | None) -> float:
    """Width for the longest text in the box and, up to the limit, for its bytes."""
    written = max(_NARROWEST, len(text) * _LETTER + 14)
    return max(written, min(_PER_BYTE * (size or 0), _WIDEST))


def _box(x: float, width: float, field: ksy.Field, label: str, offset: str) -> str:
    edge = ' class="varies"' if _size(field) is None else ""
    edge = ' class="maybe"' if field.condition else edge
    middle = x + width / 2
    return (
        f'<rect{edge} x="{x + 1:.1f}" y="1" width="{width - 1:.1f}" height="{_HEIGHT - 2}"/>'
        f'<text x="{middle:.1f}" y="20">{escape(field.name)}</text>'
        f'<text class="size" x="{middle:.1f}" y="37">{escape(label)}</text>'
        f'<text class="at" x="{x + 2:.1f}" y="-4">{offset}</text>'
    )
