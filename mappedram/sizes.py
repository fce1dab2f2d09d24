"""Sizes and offsets in the notation of users."""

import re

_SHIFTS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE = re.compile(r"(0x[0-9a-f]+)|([0-9]+)([bkmgt]?)", re.IGNORECASE)
#: Maximum offset of a system call.
OFFSET_MAX = (1 << 63) - 1


def parse_size(text: str) -> int:
    """Parse a number of bytes as QEMU does in `file:PATH,offset=N`: `4096`, `0x1000`, `4K`, `2M`.

    Raises:
        ValueError: the notation is wrong, or the number is more than a file can hold.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r}: expected a number such as 4096, 0x1000, 4K or 2M")
    hexadecimal, decimal, suffix = match.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(decimal) << _SHIFTS[suffix.lower()]
    if number > OFFSET_MAX:
        raise ValueError(f"{text!r}: no file is that long")
    return number
