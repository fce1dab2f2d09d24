"""MR3: the bitmaps, and whether they agree with what stands in the page areas."""

from collections.abc import Iterator

from mappedram.check.bitmap_audit import Tally
from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.stream.block import Block


@rule(
    "MR301",
    "bits-beyond",
    Severity.WARNING,
    clause="7.1.7",
    qemu="migration/ram.c: ram_save_file_bmap()",
)
def bits_beyond(context: Context) -> Iterator[Defect]:
    """No bit is set for a page that the block does not have.

    Why:
        QEMU ignores such bits, and never writes them. They hint at a bitmap of another byte order
        or word size than the one that it was read with.

    Remedy:
        Run `mappedram repair`, which clears these bits, if the file was written on a host like
        most: little-endian, of 64 bits. On any other, the bits may belong to other pages; compare
        the memory with what you know of the guest.
    """
    for block in context.judged:
        count = block.bitmap.count_beyond()
        if count:
            yield Defect(
                f"block {block.idstr!r} of {_pages(block.num_pages)} has {count} bits set beyond"
                f" them, read as {context.snapshot.byteorder}-endian words of"
                f" {block.model.word_size} bytes",
                _bitmap_place(block),
                expected="0",
                actual=f"{count}",
            )


@rule(
    "MR302",
    "set-over-hole",
    Severity.INFO,
    clause="7.4.3",
    errata=("E-008",),
    qemu="migration/file.c: file_write_ramblock_iov()",
)
def set_over_hole(context: Context) -> Iterator[Defect]:
    """Pages with a set bit take space in the file.

    Why:
        Holes read as zeros, so that a copy that turned zeros into holes is as good as before. But
        QEMU up to 11.0 overlooks short writes with `multifd`: after a full disk, such pages may be
        lost.

    Remedy:
        Nothing, if the file was copied with holes, as `cp --sparse=always` does. If the disk may
        have been full while QEMU saved with `multifd`, save again.
    """
    for block in context.judged:
        yield from _found(block, context.audit(block).holes, "set bits over holes")


@rule(
    "MR303",
    "stale-pages",
    Severity.INFO,
    clause="7.4.6",
    qemu="migration/ram.c: save_zero_page()",
)
def stale_pages(context: Context) -> Iterator[Defect]:
    """Pages with a clear bit hold zeros.

    Why:
        A page that became zero after it was written has its bit cleared, while its old bytes stay:
        every save of a running guest does that. Whoever reads pages by holes gets the old bytes.

    Remedy:
        Nothing: QEMU goes by the bitmap. `mappedram convert -O mapped-ram` leaves the old bytes
        behind.
    """
    unwritten = {block.model.path for block in context.unwritten}  # another rule's
    for block in context.judged:
        if block.model.path in unwritten:
            continue
        yield from _found(block, context.audit(block).stale, "clear bits over data")


@rule(
    "MR304",
    "bitmaps-never-written",
    Severity.ERROR,
    clause="9.1.6",
    errata=("E-001", "E-002", "E-058"),
    qemu="migration/ram.c: ram_save_complete()",
)
def bitmaps_never_written(context: Context) -> Iterator[Defect]:
    """Where page areas hold data, bitmaps have been written.

    Why:
        The save was broken off, before the bitmaps or between two of them, or was made with
        `background-snapshot`, so that the pages were written and their bitmaps were not. QEMU
        restores empty memory, or stops at a device that looks into it, `kvm-tpr-opt`.

    Remedy:
        Run `mappedram repair`, which sets a bit for each page that holds data. After
        `background-snapshot`, QEMU then loads the file. After a save that was broken off, devices
        are missing: save again, and use `mappedram extract` for the memory that is there.
    """
    tallies = ((block, context.audit(block).stale) for block in context.unwritten)
    filled = [(block, stale) for block, stale in tallies if stale.count]
    if filled:
        block, stale = filled[0]
        which = "all bitmaps" if context.bitmaps_are_empty else _unwritten(context)
        yield Defect(
            f"{which} are empty, but {_pages(sum(stale.count for _, stale in filled))} with"
            f" data stand in the file, the first at page {stale.first} of block {block.idstr!r},"
            f" {_page_place(block, stale).offset:#x}",
            _bitmap_place(block),
            expected="set bits",
            actual="0",
        )


@rule(
    "MR305",
    "big-endian-bitmap",
    Severity.INFO,
    clause="7.3.5",
    errata=("E-035",),
    qemu="migration/ram.c: ram_save_file_bmap()",
)
def big_endian_bitmap(context: Context) -> Iterator[Defect]:
    """The bitmaps are in little-endian words, as most hosts write them.

    Why:
        Nothing in the file says it: the order is a guess from the bitmap of a small block. QEMU on
        a host of the other byte order restores the wrong pages.

    Remedy:
        Load the file on a big-endian host. Elsewhere, `mappedram convert -O stream` writes one
        without bitmaps, which loads with the capability `mapped-ram` off.
    """
    snapshot = context.snapshot
    if snapshot.byteorder_evident and snapshot.byteorder == "big":
        first = next(block for block in context.judged or snapshot.blocks if block.model.has_data)
        yield Defect(
            "the bitmaps look as if a big-endian host had written them; they are read so",
            _bitmap_place(first),
            expected="little-endian",
            actual="big-endian",
        )


def _unwritten(context: Context) -> str:
    """Which bitmaps the save did not come to."""
    last = context.judged[-len(context.unwritten) - 1]
    return f"END of RAM is missing, and the bitmaps behind that of block {last.idstr!r}"


def _bitmap_place(block: Block) -> Place:
    model = block.model
    return Place(model.bitmap_offset, model.bitmap_size, f"{model.path}/bitmap")


def _found(block: Block, pages: Tally, what: str) -> Iterator[Defect]:
    """A defect if there are such pages; `what` is wrong with their bits."""
    if pages.count:
        place = _page_place(block, pages)
        yield Defect(
            f"block {block.idstr!r} has {what} in {_pages(pages.count)}, the first at page"
            f" {pages.first}, {place.offset:#x}",
            place,
            actual=f"{pages.count}",
        )


def _page_place(block: Block, pages: Tally) -> Place:
    """Where the first of some pages stands."""
    assert block.model.pages_offset is not None
    assert pages.first is not None
    offset = block.model.pages_offset + pages.first * block.page_size
    return Place(offset, block.page_size, f"{block.model.path}/pages[{pages.first}]")


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
