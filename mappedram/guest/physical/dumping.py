"""Memory from one address to another, a piece at a time."""

from collections.abc import Iterator
from contextlib import ExitStack

from mappedram.guest.physical.memory import PhysicalMemory
from mappedram.stream.coverage import Coverage

#: What is read at once.
_STEP = 1 << 20


def memory_pieces(memory: PhysicalMemory, start: int, size: int) -> Iterator[bytes]:
    """The bytes of `size` addresses from `start` on, in pieces; zeros where they are unknown.

    Raises:
        ValueError: an address in between is not memory.
        FormatError: as `Block.read` does.
    """
    end = start + size
    with ExitStack() as stack:
        for one, first, length in memory.pieces(start, size):
            block = memory.block(one)
            stack.enter_context(block.reading_ahead(one.offset + first, length))
        while start < end:
            length = min(_STEP, end - start)
            yield memory.read(start, length, partial=True)
            start += length


def unknown_between(memory: PhysicalMemory, start: int, size: int) -> list[Coverage]:
    """What the file does not tell of these addresses, range by range.

    Raises:
        ValueError: an address in between is not memory.
    """
    found = (
        memory.block(one).coverage.within(one.offset + first, one.offset + first + length)
        for one, first, length in memory.pieces(start, size)
    )
    return [coverage for coverage in found if coverage.unknown]


def known_between(memory: PhysicalMemory, start: int, size: int) -> Iterator[tuple[int, int]]:
    """The addresses of which the file tells the bytes, as half-open ranges, ascending."""
    for one, first, length in memory.pieces(start, size):
        begin = one.offset + first
        shift = one.gpa - one.offset
        for known, end in memory.block(one).coverage.known(begin, begin + length).tolist():
            yield known + shift, end + shift
