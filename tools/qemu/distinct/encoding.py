"""Bytes of instructions and of data."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def words(codes: Iterable[int], order: str = "<") -> bytes:
    """32-bit words, little-endian unless `order` is `>`."""
    return b"".join(struct.pack(f"{order}I", code & 0xFFFFFFFF) for code in codes)


def distinct(tag: int, count: int, size: int = 8) -> bytes:
    """`count` numbers of `size` bytes; every 4 bytes show the tag, the number and the place."""
    return b"".join(
        bytes((tag, 0xF0 + place, number, tag ^ number))
        for number in range(count)
        for place in range(size // 4)
    )


def placed(parts: dict[int, bytes]) -> bytes:
    """An image with parts at these offsets."""
    size = max(offset + len(part) for offset, part in parts.items())
    image = bytearray(size)
    for offset, part in parts.items():
        if any(image[offset : offset + len(part)]):
            raise ValueError(f"the part at {offset:#x} overlaps another")
        image[offset : offset + len(part)] = part
    return bytes(image)
