"""Arithmetic of the format: the size of a bitmap, and the alignment of pages."""

from mappedram.format.ram import PAGE_SIZE

#: Bytes of an `unsigned long` on the host that wrote the file. It was 4 on 32-bit hosts, which QEMU
#: 10 no longer supports.
DEFAULT_WORD_SIZE = 8


def bitmap_size(num_pages: int, word_size: int = DEFAULT_WORD_SIZE) -> int:
    """Size in bytes of the bitmap for `num_pages` pages, in whole words (QEMU BITS_TO_LONGS)."""
    return -(-num_pages // (8 * word_size)) * word_size


def round_up(offset: int, alignment: int) -> int:
    """Round `offset` up to a multiple of `alignment`."""
    return -(-offset // alignment) * alignment


def is_page_size(value: int) -> bool:
    """Whether some QEMU target can have pages of `value` bytes."""
    return PAGE_SIZE.accepts(value)
