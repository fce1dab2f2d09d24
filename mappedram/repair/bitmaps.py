"""Repairs of bitmaps: rebuilt from the pages where none was written, bits beyond the block."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.bitmap import Bitmap
from mappedram.check.survey import CHUNK
from mappedram.model import round_up
from mappedram.pageio import nonzero_pages
from mappedram.repair.case import Case
from mappedram.repair.change import Change
from mappedram.repair.edits import Edit
from mappedram.snapshot import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Bytes of a bitmap that are written, or left as they are, together.
_STEP = 4096

_BROKEN_OFF = (
    "the save was broken off: pages that it had not come to read as zeros, and those that are there"
    " may be from different moments"
)
_UNCLEAR = "they had turned zero, or the bitmap was written in part only; they read as zeros"
_STALE = "bytes of pages that had turned zero cannot be told from those that are meant"
_LEFT_OUT = (
    "none of its pages is in the file: all of them were zero, or the save left the block out, and"
    " nothing tells which; QEMU keeps what the destination has there"
)


def rebuild(case: Case) -> Iterator[Change]:
    """spec/errata.md, E-001 and E-002: pages were written, and their bitmaps were not.

    QEMU cuts the file before it saves, and leaves zero pages out, so that every page with data in
    it was written by this save. With `background-snapshot` each is written once, as it was when
    the snapshot began; in other saves a page may have turned zero later.
    """
    if not case.has_all_blocks:
        return
    blocks = case.context.judged
    if case.stream.ram_ended and any(block.bitmap.any() for block in blocks):
        return  # the bitmaps are final, and a clear bit over data is a page that turned zero
    found = [change for block in blocks if (change := _rebuilt(case, block))]
    # Unless some page was saved, that others are missing says nothing.
    if any(change.count for change in found) or any(block.bitmap.any() for block in blocks):
        yield from found


def _rebuilt(case: Case, block: Block) -> Change | None:
    import numpy as np

    model = block.model
    assert model.bitmap_offset is not None
    background = case.devices_saved and not case.stream.ram_ended
    if not background and block.bitmap.any():
        return _kept(case, block)
    old = np.frombuffer(block.bitmap.little, np.uint8)
    new = old | _bits_of_pages(case, block)
    before, after = (_count(bits) for bits in (old, new))
    left_out = not after and case.devices_saved
    if after == before and not left_out:
        return None
    data = Bitmap(new.tobytes(), block.num_pages, model.word_size, case.snapshot.byteorder).little
    note = None if background else _STALE if case.stream.ram_ended else _BROKEN_OFF
    return Change(
        f"{model.path}/bitmap",
        model.bitmap_offset,
        _pages(before, model.idstr),
        "cannot be known" if left_out else _pages(after, model.idstr),
        count=after - before,
        certain=background and not left_out,
        note=_LEFT_OUT if left_out else note,
        edits=tuple(_differences(model.bitmap_offset, block.bitmap.data, data)),
    )


def _kept(case: Case, block: Block) -> Change | None:
    """A bitmap of a save that was broken off after bitmaps were begun: it is final, or a part."""
    model, stale = block.model, case.context.survey(block).stale
    assert model.bitmap_offset is not None
    if not stale.count:
        return None
    return Change(
        f"{model.path}/bitmap",
        model.bitmap_offset,
        f"{_pages(stale.count, model.idstr)} with data and without a bit",
        "cannot be known",
        count=0,
        certain=False,
        note=_UNCLEAR,
    )


def _bits_of_pages(case: Case, block: Block) -> "NDArray[np.uint8]":
    """A bit for each page that holds anything but zeros; holes are not read."""
    import numpy as np

    base, page_size = block.model.pages_offset, block.page_size
    assert base is not None
    # Untouched parts take no memory: a sparse file can have a block of any size.
    bits = np.zeros(block.model.bitmap_size, np.uint8)
    step = CHUNK // page_size
    done = 0  # all pages before have been looked at
    for first, last in case.source.extents(base, base + block.used_length):
        # Whole bytes of the bitmap; a byte's pages may lie in several extents.
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
    return f"{count} page{'' if count == 1 else 's'} of {idstr}"


def _count(bits: "NDArray[np.uint8]") -> int:
    return int.from_bytes(bits.tobytes(), "little").bit_count()


def _differences(offset: int, old: bytes | bytearray, new: bytes | bytearray) -> Iterator[Edit]:
    """The parts of a bitmap that are not as they should be."""
    for start in range(0, len(new), _STEP):
        part = bytes(new[start : start + _STEP])
        if part != old[start : start + _STEP]:
            yield Edit(offset + start, part)


def bits_beyond(case: Case) -> Iterator[Change]:
    """Clause 7.1.7: no bit is set for a page that the block does not have.

    Such bits may also mean that the bitmap is one of the other byte order. So they are cleared
    only where the others agree with the pages.
    """
    if not case.stream.complete:
        return
    for block in case.context.judged:
        bitmap = block.bitmap
        count = bitmap.count_beyond()
        if not count:
            continue
        survey = case.context.survey(block)
        if survey.holes.count or survey.stale.count:
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
            f"{count} bits beyond page {block.num_pages}",
            "none",
            count=count,
            edits=tuple(_differences(block.model.bitmap_offset, bitmap.data, data)),
        )
