"""Judge the memory that the page records of a stream have delivered.

QEMU sends each page at least once, except those that the guest reports as unused. A page without a
record stays as it is in a new guest, mostly zero; the file does not tell whether it should.
"""

from collections.abc import Iterator

from mappedram.io.source import Source
from mappedram.qemu.loader.destination import Destination
from mappedram.qemu.loader.plain import PlainRam
from mappedram.qemu.loader.ram import RamLoad
from mappedram.qemu.loader.suspicion import Suspicion
from mappedram.stream.block import Block
from mappedram.stream.page_records import RecordedPages
from mappedram.stream.snapshot import OpenSnapshot

#: Bytes of memory compared at a time.
_STEP = 1 << 20


def judge(
    load: RamLoad, plain: PlainRam, source: Source, destination: Destination
) -> Suspicion | None:
    """Say why the memory is wrong, or may be; None if it is right.

    Args:
        load: the finished load.
        plain: its part without mapped-ram.
        source: the file.
        destination: has the reference snapshot to compare with, if there is one.
    """
    if destination.reference is not None:
        if _differs(plain, source, destination, destination.reference):
            return Suspicion(tuple(load.noticed), certain=True)
        return None
    codes = tuple(dict.fromkeys(_suspicions(plain)))
    if codes:
        return Suspicion(codes, certain=True)
    sent = _sent(plain)
    load.local.assumed |= sent != plain.listed
    page_size = plain.page_size
    if any(plain.delivered.lacks(i, plain.lengths[i] // page_size) for i in sent):
        return Suspicion((), certain=False, is_wrong=False)
    return None


def _suspicions(plain: PlainRam) -> Iterator[str]:
    """Codes of the rules that say why the memory cannot be the saved one."""
    if not plain.listed:
        yield "MR107"
    if plain.delivered.has_short_page:
        yield "MR001"


def _sent(plain: PlainRam) -> set[str]:
    """Blocks whose pages are in the stream."""
    listed = plain.listed - plain.ignored
    if not plain.ignores_shared:
        return listed
    # Only the records tell which of them are shared.
    return {idstr for idstr in listed if plain.delivered.has_any(idstr)}


# Comparison with a reference.


def _differs(
    plain: PlainRam, source: Source, destination: Destination, reference: OpenSnapshot
) -> bool:
    """Whether a watched block differs from the reference."""
    pages = plain.delivered.pages(plain.page_size)
    return any(
        _block_differs(block, pages.get(block.idstr), source)
        for block in reference.blocks
        if destination.watched is None or block.idstr in destination.watched
    )


def _block_differs(block: Block, pages: RecordedPages | None, source: Source) -> bool:
    for start in range(0, block.used_length, _STEP):
        length = min(_STEP, block.used_length - start)
        if _memory(pages, source, start, length) != block.read(start, length):
            return True
    return False


def _memory(pages: RecordedPages | None, source: Source, start: int, length: int) -> bytearray:
    """Contents from `start` on of a block that was empty before the load."""
    memory = bytearray(length)
    if pages is not None:
        pages.read(source, start // pages.page_size, memoryview(memory))
    return memory
