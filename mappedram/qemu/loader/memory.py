"""Judge loaded memory, by a reference or by the file alone."""

from collections.abc import Iterator
from itertools import pairwise

from mappedram.io.source import Source
from mappedram.qemu.loader import plain_memory
from mappedram.qemu.loader.destination import Destination
from mappedram.qemu.loader.ram import BlockSeen, RamLoad
from mappedram.qemu.loader.reference import differs
from mappedram.qemu.loader.suspicion import Suspicion
from mappedram.stream import intervals

#: Rules about the page size.
_PAGE_SIZES = frozenset(("MR204", "MR205"))
#: Where areas overlap, memory may still be right by chance.
_BY_CHANCE = frozenset(("MR401", "MR404"))


def judge(load: RamLoad, source: Source, base: int, destination: Destination) -> Suspicion | None:
    """Say why the memory is wrong; None if it is right.

    Args:
        load: the finished load.
        source: the file.
        base: where its stream begins.
        destination: has the reference snapshot to compare with, if there is one.
    """
    if load.plain is not None:
        return plain_memory.judge(load, load.plain, source, destination)
    codes = tuple(dict.fromkeys(_suspicions(load, source, base)))
    reference = destination.reference
    if reference is None:
        return Suspicion(codes, not _BY_CHANCE.issuperset(codes)) if codes else None
    if differs(load, source, destination, reference):
        return Suspicion(codes or tuple(load.noticed), certain=True)
    return None


def _suspicions(load: RamLoad, source: Source, base: int) -> Iterator[str]:
    """Codes of the rules that say why the memory cannot be the saved one."""
    if any(code in _PAGE_SIZES for code in load.noticed) and _is_another(load, source):
        yield from (code for code in load.noticed if code in _PAGE_SIZES)
    names = [seen.idstr for seen in load.seen]
    if len(set(names)) < len(names):
        yield "MR101"
    without_ram = load.empty_lists and not load.local.destination.blocks
    if not load.seen and not load.skipped and not without_ram:
        yield "MR107" if load.sections else "MR006"
    if any(min(seen.bitmap_offset, seen.pages_offset) < base for seen in load.seen):
        yield "MR404"
    if _overlap(load.seen, load.local.page_size, base):
        yield "MR401"
    if load.seen and not load.brought and not source.recycled and _has_data(load, source):
        yield "MR304"


def _is_another(load: RamLoad, source: Source) -> bool:
    """Whether the load read other bytes than those of the pages that a bitmap means.

    A bit means a page of the machine that saved. The loader computes the number of bits from the
    page size in the header, but reads one page of its own size for each bit.
    """
    brought = {(entry.idstr, entry.pages_offset): load.runs_of(entry) for entry in load.brought}
    page_size = load.local.page_size
    saved = load.local.saved_page_size or page_size
    for seen in load.seen:
        if seen.page_size == page_size == saved:
            continue
        meant = load.local.bitmaps.runs(seen.bitmap_offset, seen.used_length // saved) * saved
        runs = brought.get((seen.idstr, seen.pages_offset), meant[:0]) * page_size
        end = max([seen.used_length, *meant[-1:, 1].tolist(), *runs[-1:, 1].tolist()])
        if len(intervals.intersection(meant, intervals.complement(runs, 0, end))):
            return True
        beside = intervals.intersection(runs, intervals.complement(meant, 0, end))
        if any(source.has_data(*span) for span in (beside + seen.pages_offset).tolist()):
            return True
    return False


def _overlap(blocks: list[BlockSeen], page_size: int, base: int) -> bool:
    """Whether bitmaps, page areas, headers and the bytes before them overlap."""
    claims = [(base, blocks[0].header_offset)] if blocks else []
    for seen in blocks:
        bitmap = -(-(seen.used_length // page_size) // 64) * 8
        claims.append((seen.header_offset, seen.header_end))
        claims.append((seen.bitmap_offset, seen.bitmap_offset + bitmap))
        claims.append((seen.pages_offset, seen.pages_offset + seen.used_length))
    claims = sorted(claim for claim in claims if claim[0] < claim[1])
    return any(here[1] > there[0] for here, there in pairwise(claims))


def _has_data(load: RamLoad, source: Source) -> bool:
    """Whether the page areas have anything but holes."""
    return any(
        source.has_data(seen.pages_offset, seen.pages_offset + seen.used_length)
        for seen in load.seen
    )
