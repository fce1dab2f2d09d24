"""MR3: the bitmaps, and whether they agree with the page areas."""

from collections.abc import Iterator

from mappedram.check.bitmap_audit import Tally
from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.printable import plural
from mappedram.stream.block import Block


@rule(
    "MR301",
    "bits-beyond",
    Severity.WARNING,
    defect="A bit is set beyond the last page of its block.",
    clause="7.1.7",
    qemu="migration/ram.c: ram_save_file_bmap()",
)
def bits_beyond(context: Context) -> Iterator[Defect]:
    """No bit is set beyond the last page of the block.

    Why:
        QEMU ignores such bits, and never writes them. They suggest a bitmap of another byte order
        or word size than assumed.

    Remedy:
        If the file was written on a little-endian 64-bit host, run `mappedram repair`, which clears
        these bits. On other hosts the bits may belong to other pages; compare the memory with what
        you know of the guest.
    """
    for block in context.judged:
        count = block.bitmap.count_beyond()
        if count:
            yield Defect(
                f"block {block.idstr!r} with {_pages(block.num_pages)} has"
                f" {plural(count, 'bit')} set beyond its last page, read as"
                f" {context.snapshot.byteorder}-endian words of {block.model.word_size} bytes",
                _bitmap_place(block),
                expected="0",
                actual=f"{count}",
            )


@rule(
    "MR302",
    "set-over-hole",
    Severity.INFO,
    defect="A page with a set bit lies in a hole of the file.",
    clause="7.4.3",
    errata=("E-008",),
    qemu="migration/file.c: file_write_ramblock_iov()",
)
def set_over_hole(context: Context) -> Iterator[Defect]:
    """Pages with a set bit are allocated in the file.

    Why:
        Holes read as zeros, so a copy that turned zeros into holes is equivalent. But QEMU up to
        11.0 ignores short writes with `multifd`: if the disk was full, such pages may be lost.

    Remedy:
        None needed if the file was copied with holes, as by `cp --sparse=always`. If the disk may
        have been full during a save with `multifd`, save again.
    """
    for block in context.judged:
        yield from _found(block, context.audit(block).holes, "a set bit but a hole")


@rule(
    "MR303",
    "stale-pages",
    Severity.INFO,
    defect="A page with a clear bit contains data, which QEMU ignores.",
    clause="7.4.6",
    qemu="migration/ram.c: save_zero_page()",
)
def stale_pages(context: Context) -> Iterator[Defect]:
    """Pages with a clear bit contain zeros.

    Why:
        If a page becomes zero after QEMU wrote it, QEMU clears its bit and leaves the old bytes in
        the file. This is normal for a save of a running guest. A reader that ignores the bitmap
        gets the old bytes.

    Remedy:
        None needed: QEMU follows the bitmap. `mappedram convert -O mapped-ram` drops the old bytes.
    """
    unwritten = {block.model.path for block in context.unwritten}  # reported by MR304
    for block in context.judged:
        if block.model.path in unwritten:
            continue
        yield from _found(block, context.audit(block).stale, "a clear bit but data")


@rule(
    "MR304",
    "bitmaps-never-written",
    Severity.ERROR,
    defect="There are pages with data, but the bitmaps were never written.",
    clause="9.1.6",
    errata=("E-001", "E-002", "E-058"),
    qemu="migration/ram.c: ram_save_complete()",
)
def bitmaps_never_written(context: Context) -> Iterator[Defect]:
    """If page areas contain data, the bitmaps were written.

    Why:
        The save is incomplete, or was made with `background-snapshot`: the pages were written, but
        some or all bitmaps were not. QEMU restores empty memory, or stops at a device that reads
        memory, such as `kvm-tpr-opt`.

    Remedy:
        Run `mappedram repair`, which sets a bit for each page with data. After
        `background-snapshot`, QEMU can then load the file. An incomplete save lacks devices: save
        again, and use `mappedram extract` to get the memory in the file.
    """
    tallies = ((block, context.stale(block)) for block in context.unwritten)
    filled = [(block, stale) for block, stale in tallies if stale.count]
    if filled:
        block, stale = filled[0]
        which = "all bitmaps" if context.bitmaps_are_empty else _unwritten(context)
        least = "at least " if context.source.is_remote else ""
        yield Defect(
            f"{which} are empty, but the file has {least}"
            f"{_pages(sum(s.count for _, s in filled))} with data, the first at page {stale.first}"
            f" of block {block.idstr!r}, {_page_place(block, stale).offset:#x}",
            _bitmap_place(block),
            expected="set bits",
            actual="0",
        )


@rule(
    "MR305",
    "big-endian-bitmap",
    Severity.INFO,
    defect="The bitmaps are big-endian, as from a big-endian host.",
    clause="7.3.5",
    errata=("E-035",),
    qemu="migration/ram.c: ram_save_file_bmap()",
)
def big_endian_bitmap(context: Context) -> Iterator[Defect]:
    """The bitmaps are little-endian, as on most hosts.

    Why:
        The file does not record the byte order; it is guessed from the bitmap of a small block.
        QEMU on a host of the other byte order restores the wrong pages.

    Remedy:
        Load the file on a big-endian host. For other hosts, `mappedram convert -O stream` writes a
        stream without bitmaps, which loads with the capability `mapped-ram` disabled.
    """
    snapshot = context.snapshot
    if snapshot.byteorder_evident and snapshot.byteorder == "big":
        first = next(block for block in context.judged or snapshot.blocks if block.model.has_data)
        yield Defect(
            "the bitmaps appear to be big-endian, and are read as such",
            _bitmap_place(first),
            expected="little-endian",
            actual="big-endian",
        )


def _unwritten(context: Context) -> str:
    """The bitmaps that an incomplete save did not write."""
    last = context.judged[-len(context.unwritten) - 1]
    return f"END of RAM is missing, and the bitmaps after that of block {last.idstr!r}"


def _bitmap_place(block: Block) -> Place:
    model = block.model
    return Place(model.bitmap_offset, model.bitmap_size, f"{model.path}/bitmap")


def _found(block: Block, pages: Tally, what: str) -> Iterator[Defect]:
    """A defect if there are such pages; `what` names the defect."""
    if pages.count:
        place = _page_place(block, pages)
        yield Defect(
            f"block {block.idstr!r} has {what} for {_pages(pages.count)}, the first at page"
            f" {pages.first}, {place.offset:#x}",
            place,
            actual=f"{pages.count}",
        )


def _page_place(block: Block, pages: Tally) -> Place:
    """Place of the first page of a tally."""
    assert block.model.pages_offset is not None
    assert pages.first is not None
    offset = block.model.pages_offset + pages.first * block.page_size
    return Place(offset, block.page_size, f"{block.model.path}/pages[{pages.first}]")


def _pages(count: int) -> str:
    return plural(count, "page")
