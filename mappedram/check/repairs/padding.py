"""Repair of the padding around bitmaps, which nothing reads."""

from collections.abc import Iterator

from mappedram.check.bitmap_audit import CHUNK
from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession
from mappedram.printable import plural

#: QEMU pads less than 1 MiB for each block; more than this is not padding.
_PADDING_MAX = 1 << 26


def padding(case: RepairSession) -> Iterator[Change]:
    """Clause 8.3.3: the padding around a bitmap, up to the pages, is zero."""
    if not case.stream.complete:
        return
    sound = {block.model.path for block in case.context.judged}
    for region in case.snapshot.regions():
        owner = region.path.rpartition("/")[0]
        if region.kind != "padding" or owner not in sound or region.length > _PADDING_MAX:
            continue
        edits, count = [], 0
        for start, end in case.source.extents(region.offset, region.end):
            for offset in range(start, end, CHUNK):
                data = case.source.read(offset, min(CHUNK, end - offset))
                wrong = len(data) - data.count(0)
                if wrong:
                    count += wrong
                    edits.append(Edit(offset, bytes(len(data))))
        if edits:
            yield Change(
                region.path,
                edits[0].offset,
                f"{plural(count, 'byte')} that {'is' if count == 1 else 'are'} not zero",
                "zeros",
                count=count,
                edits=tuple(edits),
            )
