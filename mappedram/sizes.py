"""Sizes and offsets as people write them."""

import re

_SHIFTS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE = re.compile(r"(0x[0-9a-f]+)|([0-9]+)([bkmgt]?)", re.IGNORECASE)
#: The largest offset that a system call takes.
OFFSET_MAX = (1 << 63) - 1


def parse_size(text: str) -> int:
    """Bytes, as QEMU reads them in `file:PATH,offset=N`: `4096`, `0x1000`, `4K`, `2M`.

    Raises:
        ValueError: it is not written like that, or is more than a file can hold.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r}: expected a number such as 4096, 0x1000, 4K or 2M")
    hexadecimal, decimal, suffix = match.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(decimal) << _SHIFTS[suffix.lower()]
    if number > OFFSET_MAX:
        raise ValueError(f"{text!r}: larger than any file")
    return number
