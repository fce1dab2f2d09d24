"""The arithmetic of the format: how long a bitmap is, and where pages begin."""

from mappedram.format.ram import PAGE_SIZE

#: Bytes of an `unsigned long` on the host that wrote the file; 4 on hosts that QEMU 10 dropped.
DEFAULT_WORD_SIZE = 8


def bitmap_size(num_pages: int, word_size: int = DEFAULT_WORD_SIZE) -> int:
    """Bytes of a bitmap for `num_pages` pages: whole words of the host (QEMU BITS_TO_LONGS)."""
    return -(-num_pages // (8 * word_size)) * word_size


def round_up(offset: int, alignment: int) -> int:
    """The first multiple of `alignment` at or after `offset`."""
    return -(-offset // alignment) * alignment


def is_page_size(value: int) -> bool:
    """Whether a target of QEMU can have pages of that many bytes."""
    return PAGE_SIZE.accepts(value)
