"""Formatting for people: numbers, names from a file, tables, runs of equal rows."""

import textwrap
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

#: Spaces between two columns of a table.
_BETWEEN = 2
#: The least width of a cell that is wrapped.
_NARROWEST = 24
#: What further lines of one row begin with.
_INDENT = "    "
#: Each byte as text shows it.
_SHOWN = bytes(byte if byte in range(0x20, 0x7F) else ord(".") for byte in range(256))

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: More repetitions than this are folded.
_REPEATS_SHOWN = 3
#: Most sections in a repeated cycle: those of several live devices alternate.
_CYCLE_MAX = 4


def size(number: int) -> str:
    """Format a size in the largest unit that leaves at least one: `16 MiB`, `1.5 KiB`, `28 B`."""
    exponent = min(max(number.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    whole, rest = divmod(number, 1 << 10 * exponent)
    shown = f"{number / (1 << 10 * exponent):.1f}" if rest else str(whole)
    return f"{shown} {_UNITS[exponent]}"


def hex_bytes(data: bytes) -> str:
    """Format bytes as pairs of hex digits, separated by spaces."""
    return data.hex(" ")


def text_of(data: bytes) -> str:
    """The bytes as text: what ASCII can show of them, and dots."""
    return data.translate(_SHOWN).decode("ascii")


def hex_line(offset: int, row: bytes, width: int = 16) -> str:
    """A line of at most `width` bytes: offset, hex, and as text what is ASCII."""
    return f"{offset:#010x}  {hex_bytes(row):<{3 * width - 1}}  |{text_of(row)}|"


def hex_lines(offset: int, data: bytes) -> Iterator[str]:
    """Format bytes as lines of sixteen: offset, hex, and ASCII text."""
    for start in range(0, len(data), 16):
        yield hex_line(offset + start, data[start : start + 16])


#: Bytes in a line of hex where there is room, and where the terminal is narrow.
_HEX_WIDTHS = (16, 8, 4)


def hex_width(columns: int | None) -> int:
    """How many bytes a line of hex has, for a terminal of so many columns; None for no terminal."""
    fitting = (
        width
        for width in _HEX_WIDTHS
        if columns is None or len(hex_line(0, bytes(width), width)) <= columns
    )
    return next(fitting, _HEX_WIDTHS[-1])


def hex_rows(
    address: int,
    pieces: Iterable[bytes],
    width: int,
    known: Sequence[tuple[int, int]] | None = None,
) -> Iterator[str]:
    """Lines of hex from an address on; of lines that are the same, the first, and a `*`.

    Args:
        address: that of the first byte.
        pieces: the bytes; the length of each but the last is a multiple of `width`.
        width: bytes in a line.
        known: the addresses whose bytes are known, half-open and ascending; None for all. `??`
            stands for the others.
    """
    previous: tuple[bytes, bytes] | None = None
    folding = False
    for piece in pieces:
        mask = _mask(address, len(piece), known) if known is not None else None
        expected = 0
        for index in _changes(piece, mask, width, previous):
            if index != expected and not folding:
                yield "*"
            start, folding, expected = index * width, False, index + 1
            row = piece[start : start + width]
            yield _hex_row(address + start, row, mask and mask[start : start + width], width)
        count = -(-len(piece) // width)
        if expected < count and not folding:
            yield "*"
            folding = True
        last = (count - 1) * width
        previous = piece[last:], mask[last:] if mask else b""
        address += len(piece)
    if folding:
        yield f"{address:#010x}"


def _mask(address: int, length: int, known: Sequence[tuple[int, int]]) -> bytes:
    """A byte for each byte: 1 where it is known."""
    mask = bytearray(length)
    first = bisect_right(known, address, key=lambda one: one[1])
    for start, end in islice(known, first, None):
        if start >= address + length:
            break
        begin, stop = max(start - address, 0), min(end - address, length)
        mask[begin:stop] = b"\1" * (stop - begin)
    return bytes(mask)


def _changes(
    piece: bytes, mask: bytes | None, width: int, previous: tuple[bytes, bytes] | None
) -> list[int]:
    """The lines of a piece that are not what the line before is."""
    import numpy as np

    whole = len(piece) // width
    differs = np.ones(whole, bool)
    for data, before in ((piece, 0), *(((mask, 1),) if mask else ())):
        rows = np.frombuffer(data, np.uint8, whole * width).reshape(whole, width)
        same = np.zeros(whole, bool)
        same[1:] = (rows[1:] == rows[:-1]).all(axis=1)
        if whole and previous is not None:
            same[0] = previous[before] == data[:width]
        differs = ~same if before == 0 else differs | ~same
    found: list[int] = differs.nonzero()[0].tolist()
    return found + [whole] * (len(piece) % width > 0)


def _hex_row(address: int, row: bytes, mask: bytes | None, width: int) -> str:
    if mask is None or all(mask):
        return hex_line(address, row, width)
    told = [bool(one) for one in mask]
    digits = " ".join(
        f"{byte:02x}" if is_told else "??" for byte, is_told in zip(row, told, strict=True)
    )
    text = "".join(
        char if is_told else "?" for char, is_told in zip(text_of(row), told, strict=True)
    )
    return f"{address:#010x}  {digits:<{3 * width - 1}}  |{text}|"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object] | str],
    right: str = "",
    columns: int | None = None,
) -> Iterator[str]:
    """Format rows under their header, each column as wide as needed.

    Args:
        header: the names of the columns.
        rows: the cells, None shown as `-`; a string is a line of its own.
        right: the names of right-aligned columns, separated by spaces.
        columns: width of the terminal; None for no limit. A row that is wider continues on further
            lines, which are indented, each with the cells that fit.
    """
    lines: list[list[str] | str] = [
        row if isinstance(row, str) else ["-" if cell is None else str(cell) for cell in row]
        for row in (header, *rows)
    ]
    cells = zip(*(row for row in lines if not isinstance(row, str)), strict=True)
    widths = [max(map(len, column)) for column in cells]
    to_right = [name in right.split() for name in header]
    parts = list(_parts(widths, columns))
    for row in lines:
        if isinstance(row, str):
            yield row
            continue
        for part in parts:
            text = _padded(row[part], widths[part], to_right[part])
            alone = part.start and part.stop - part.start == 1
            for line in _wrapped(text, columns) if alone else (text,):
                yield f"{_INDENT}{line}" if part.start else line


def _parts(widths: Sequence[int], columns: int | None) -> Iterator[slice]:
    """Divide the columns of a table into lines that fit the terminal, at least one in each."""
    start, used = 0, 0
    for index, width in enumerate(widths):
        added = width + _BETWEEN * (index > start)
        if columns is not None and index > start and used + added > columns:
            yield slice(start, index)
            start, used, added = index, len(_INDENT), width
        used += added
    yield slice(start, len(widths))


def _wrapped(cell: str, columns: int | None) -> Sequence[str]:
    """A cell that has a line for itself, on several if it is wider than the terminal."""
    if columns is None or len(cell) <= columns - len(_INDENT):
        return (cell,)
    width = max(_NARROWEST, columns - len(_INDENT))
    return textwrap.wrap(cell, width, break_on_hyphens=False, break_long_words=False) or (cell,)


def _padded(row: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    cells = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, to_right, strict=True)
    )
    return (" " * _BETWEEN).join(cells).rstrip()


def folded(
    items: Sequence[T], key: Callable[[T], object]
) -> Iterator[tuple[Sequence[T], Sequence[T]]]:
    """Split `items` into pieces to show, each with the items that repeat it."""
    keys = [key(item) for item in items]
    start = 0
    while start < len(items):
        period, repeats = _cycle(keys, start)
        shown, end = start + period, start + period * repeats
        yield items[start:shown], items[shown:end]
        start = end


def _cycle(keys: Sequence[object], start: int) -> tuple[int, int]:
    """Length of the cycle that begins at `start`, and how often it repeats."""
    for period in range(1, _CYCLE_MAX + 1):
        end = start + period
        while end < len(keys) and keys[end] == keys[end - period]:
            end += 1
        repeats = (end - start) // period
        if repeats > _REPEATS_SHOWN:
            return period, repeats
    return 1, 1
