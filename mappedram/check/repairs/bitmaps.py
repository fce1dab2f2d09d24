"""Repairs of bitmaps: rebuild missing ones from the pages, clear bits beyond the block."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.check.bitmap_audit import CHUNK
from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession
from mappedram.format.arithmetic import round_up
from mappedram.io.copying import nonzero_pages
from mappedram.printable import plural
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.block import Block
from mappedram.stream.intervals import complement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Granularity of changes to a bitmap, in bytes.
_STEP = 4096

_BROKEN_OFF = "the save is incomplete: the pages may be from different moments"
_BETWEEN = "the save ended between two bitmaps: some of these pages may have turned zero"
_UNCLEAR = "the pages turned zero, or the bitmap is incomplete; they read as zeros"
_STALE = "stale bytes of pages that turned zero cannot be distinguished from valid pages"
_LEFT_OUT = (
    "the file has none of its pages: either all were zero, or the save skipped the block; QEMU"
    " keeps the destination's contents of this block"
)


def rebuild(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-001 and E-002: pages were written, but not their bitmaps.

    QEMU truncates the file before it saves, and does not write zero pages, so this save wrote every
    page with data. With `background-snapshot`, it wrote each page once, as it was when the snapshot
    began; in other saves, a page may have become zero later.
    """
    if not case.has_all_blocks:
        return
    blocks, background = case.context.judged, case.devices_saved and not case.stream.ram_ended
    unwritten = blocks if background else case.context.unwritten
    if not unwritten and case.stream.ram_ended:
        return  # the bitmaps are final: a clear bit over data means a page that became zero
    missing = {block.model.path for block in unwritten}
    changes = (
        _rebuilt(case, block, background=background)
        if block.model.path in missing
        else _kept(case, block)
        for block in blocks
    )
    found = [change for change in changes if change]
    # Missing pages mean something only if some page was saved.
    if any(change.count for change in found) or any(block.bitmap.any() for block in blocks):
        yield from found


def _rebuilt(case: RepairSession, block: Block, *, background: bool) -> Change | None:
    """Rebuild a bitmap from the pages.

    Args:
        case: the file.
        block: whose bitmap was never written.
        background: whether the save wrote each page once, in its final state.
    """
    import numpy as np

    model = block.model
    assert model.bitmap_offset is not None
    old = np.frombuffer(block.bitmap.little, np.uint8)
    new = old | _bits_of_pages(case, block)
    before, after = (_count(bits) for bits in (old, new))
    # QEMU writes the bitmaps after all pages of a save.
    all_saved = case.devices_saved or not case.context.bitmaps_are_empty
    left_out = not after and all_saved
    if after == before and not left_out:
        return None
    rebuilt = Bitmap(new.tobytes(), block.num_pages, model.word_size)
    unknown = (
        None if background and not left_out else complement(rebuilt.runs(), 0, block.num_pages)
    )
    data = Bitmap(rebuilt.data, block.num_pages, model.word_size, case.snapshot.byteorder).little
    return Change(
        f"{model.path}/bitmap",
        model.bitmap_offset,
        _pages(before, model.idstr),
        "unknown" if left_out else _pages(after, model.idstr),
        count=after - before,
        certain=background and not left_out,
        unknown=unknown,
        note=_LEFT_OUT if left_out else _doubt(case, background, block.num_pages - after),
        edits=tuple(_differences(model.bitmap_offset, block.bitmap.data, data)),
    )


def _doubt(case: RepairSession, background: bool, unknown: int) -> str | None:
    """Doubt about the bitmap of a block with that many unknown pages; None if it is certain."""
    if background:
        return None
    if case.stream.ram_ended:
        return _STALE
    why = _BROKEN_OFF if case.context.bitmaps_are_empty else _BETWEEN
    if not unknown:
        return why
    one = unknown == 1
    others = "1 page reads as zeros; it was" if one else f"{unknown} pages read as zeros; they were"
    return f"{why}; {others} zero or not written"


def _kept(case: RepairSession, block: Block) -> Change | None:
    """Bitmap of a save that was interrupted while it wrote bitmaps: it may be final or partial."""
    model, stale = block.model, case.context.audit(block).stale
    assert model.bitmap_offset is not None
    if not stale.count:
        return None
    return Change(
        f"{model.path}/bitmap",
        model.bitmap_offset,
        f"{_pages(stale.count, model.idstr)} with data but without a bit",
        "unknown",
        count=0,
        certain=False,
        note=_UNCLEAR,
    )


def _bits_of_pages(case: RepairSession, block: Block) -> "NDArray[np.uint8]":
    """Set a bit for each non-zero page; holes are not read."""
    import numpy as np

    base, page_size = block.model.pages_offset, block.page_size
    assert base is not None
    # Untouched parts take no memory: a block in a sparse file can have any size.
    bits = np.zeros(block.model.bitmap_size, np.uint8)
    step = CHUNK // page_size
    done = 0  # first page that has not been read
    for first, last in case.source.extents(base, base + block.used_length):
        # Whole bytes of the bitmap; their pages may span several extents.
        start = max(done, (first - base) // page_size // 8 * 8)
        done = max(done, min(block.num_pages, round_up(-(-(last - base) // page_size), 8)))
        for page in range(start, done, step):
            pages = min(step, done - page)
            data = case.source.read(base + page * page_size, pages * page_size)
            if data.count(0) < len(data):
                view = memoryview(data.ljust(pages * page_size, b"\0"))
                packed = np.packbits(nonzero_pages(view, page_size), bitorder="little")
                bits[page // 8 : page // 8 + len(packed)] = packed
            if case.progress:
                case.progress(len(data))
    return bits


def _pages(count: int, idstr: str) -> str:
    return f"{plural(count, 'page')} of {idstr}"


def _count(bits: "NDArray[np.uint8]") -> int:
    return int.from_bytes(bits.tobytes(), "little").bit_count()


def _differences(offset: int, old: bytes | bytearray, new: bytes | bytearray) -> Iterator[Edit]:
    """Parts of a bitmap that differ from the right one."""
    for start in range(0, len(new), _STEP):
        part = bytes(new[start : start + _STEP])
        if part != old[start : start + _STEP]:
            yield Edit(offset + start, part)


def bits_beyond(case: RepairSession) -> Iterator[Change]:
    """Clause 7.1.7: no bit is set for a page that the block does not have.

    Such bits may also mean that the bitmap has the other byte order. So they are cleared only if
    the other bits agree with the pages.
    """
    if not case.stream.complete:
        return
    for block in case.context.judged:
        bitmap = block.bitmap
        count = bitmap.count_beyond()
        if not count:
            continue
        audit = case.context.audit(block)
        if audit.holes.count or audit.stale.count:
            continue
        whole, rest = divmod(block.num_pages, 8)
        kept = bytearray(bitmap.little[: whole + bool(rest)])
        if rest:
            kept[-1] &= (1 << rest) - 1
        little = bytes(kept).ljust(len(bitmap.data), b"\0")
        data = Bitmap(little, block.num_pages, bitmap.word_size, bitmap.byteorder).little
        assert block.model.bitmap_offset is not None
        yield Change(
            f"{block.model.path}/bitmap",
            block.model.bitmap_offset,
            f"{plural(count, 'bit')} beyond page {block.num_pages}",
            "none",
            count=count,
            edits=tuple(_differences(block.model.bitmap_offset, bitmap.data, data)),
        )
