"""Formatting for people: numbers, names from a file, tables, runs of equal rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

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


def hex_lines(offset: int, data: bytes) -> Iterator[str]:
    """Format bytes as lines of sixteen: offset, hex, and ASCII text."""
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        chars = row.decode("ascii", "replace")
        text = "".join(char if char.isascii() and char.isprintable() else "." for char in chars)
        yield f"{offset + start:#010x}  {hex_bytes(row):<47}  |{text}|"


def table(
    header: Sequence[str], rows: Iterable[Sequence[object] | str], right: str = ""
) -> Iterator[str]:
    """Format rows under their header, each column as wide as needed.

    Args:
        header: the names of the columns.
        rows: the cells, None shown as `-`; a string is a line of its own.
        right: the names of right-aligned columns, separated by spaces.
    """
    lines: list[list[str] | str] = [
        row if isinstance(row, str) else ["-" if cell is None else str(cell) for cell in row]
        for row in (header, *rows)
    ]
    columns = zip(*(row for row in lines if not isinstance(row, str)), strict=True)
    widths = [max(map(len, column)) for column in columns]
    to_right = [name in right.split() for name in header]
    for row in lines:
        yield row if isinstance(row, str) else _padded(row, widths, to_right)


def _padded(row: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    cells = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, to_right, strict=True)
    )
    return "  ".join(cells).rstrip()


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
