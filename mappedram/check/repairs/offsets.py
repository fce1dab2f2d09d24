"""Repairs of the offsets in the headers of blocks.

With a wrong `pages_offset`, the next header is not where the reader looks for it. So a guess is
proven by its consequences: with the right one, every later header and section up to the end is
found, and the lengths add up to the total in MEM_SIZE.
"""

from collections.abc import Callable, Iterator

from mappedram.check.bitmap_audit import audit
from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession, integer
from mappedram.format.arithmetic import is_page_size
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.model import RamBlock

#: Guess of (bitmap_offset, pages_offset) for a block.
_Guess = Callable[[RamBlock], tuple[int, int]]

#: Most blocks with wrong offsets to try; QEMU guests have some dozens of blocks.
_WRONG_MAX = 256
#: Most structures to read while trying: each block that is put right means reading all again.
_READ_MAX = 1 << 15


def moved(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-025: the stream was moved within its file, or cut out of it."""
    blocks = case.stream.blocks
    if case.has_all_blocks or not blocks or not blocks[0].has_data:
        return
    first = blocks[0].mapped_ram
    assert first is not None
    distance = blocks[0].header_end - first.bitmap_offset

    def shifted(block: RamBlock) -> tuple[int, int]:
        header = block.mapped_ram
        assert header is not None
        # The bitmap of a block that was already repaired follows its header.
        wrong = header.bitmap_offset != block.header_end
        return header.bitmap_offset + distance * wrong, header.pages_offset + distance * wrong

    if distance:
        yield from _follow(case, shifted)


def pages_offset(case: RepairSession) -> Iterator[Change]:
    """Clause 8.1.3: the pages begin at the first 1 MiB boundary behind the bitmap."""
    if not case.has_all_blocks:
        yield from _follow(case, _usual)


def _usual(block: RamBlock) -> tuple[int, int]:
    assert block.mapped_ram is not None
    return block.mapped_ram.bitmap_offset, block.usual_pages_offset


def _follow(case: RepairSession, guess: _Guess) -> Iterator[Change]:
    """Changes that repair one block after the other, if they lead to the end."""
    changes: list[Change] = []
    edits: list[Edit] = []
    known = read = 0
    here = case
    while len(changes) <= 2 * _WRONG_MAX and read <= _READ_MAX:
        block = next((b for b in here.stream.blocks[known:] if _is_wrong(b, guess)), None)
        if block is None:
            break
        for change in _changes(here, block, guess):
            changes.append(change)
            edits += change.edits
        known = here.stream.blocks.index(block) + 1
        here = case.trial(*edits)
        read += len(here.stream.elements)
    if here.stream.complete and here.total_agrees:
        yield from changes


def _is_wrong(block: RamBlock, guess: _Guess) -> bool:
    header = block.mapped_ram
    if header is None or block.ignored or not is_page_size(header.page_size):
        return False
    bitmap_offset, pages_offset = guess(block)
    return header.pages_offset != pages_offset and bitmap_offset >= 0 and pages_offset > 0


def _changes(case: RepairSession, block: RamBlock, guess: _Guess) -> Iterator[Change]:
    for name, right in zip(("bitmap_offset", "pages_offset"), guess(block), strict=True):
        wrong = getattr(block.mapped_ram, name)
        if wrong != right:
            place = case.field(block, f"mapped_ram/{name}")
            edit = integer(place, right)
            yield Change(place.path, edit.offset, f"{wrong:#x}", f"{right:#x}", edits=(edit,))


def bitmap_offset(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-024: the bitmap follows the header, but the header points elsewhere.

    The pages prove that these bytes are the bitmap: exactly the pages with data have a bit. So a
    file with stale pages is left alone.
    """
    if not case.stream.complete:
        return
    for block in case.stream.blocks:
        header = block.mapped_ram
        if (
            header is None
            or block.ignored
            or header.bitmap_offset == block.header_end
            or not is_page_size(header.page_size)
            or block.used_length % header.page_size
            or header.pages_offset < block.header_end + block.bitmap_size
            or not _agrees_with_pages(case, block)
        ):
            continue
        place = case.field(block, "mapped_ram/bitmap_offset")
        edit = integer(place, block.header_end)
        yield Change(
            place.path,
            edit.offset,
            f"{header.bitmap_offset:#x}",
            f"{block.header_end:#x}",
            edits=(edit,),
        )


def _agrees_with_pages(case: RepairSession, block: RamBlock) -> bool:
    """Whether the bytes behind the header are a bitmap of exactly the pages that hold data."""
    data = case.source.read(block.header_end, block.bitmap_size)
    if len(data) < block.bitmap_size:
        return False
    bitmap = Bitmap(data, block.num_pages, block.word_size, case.snapshot.byteorder)
    if bitmap.count_beyond():
        return False
    found = audit(case.source, block, bitmap)
    return not found.holes.count and not found.stale.count
