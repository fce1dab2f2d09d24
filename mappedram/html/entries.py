"""Entries of a page, each a region of the file, with the findings about it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappedram.check import Finding, Severity
from mappedram.stream.regions import Region
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.regions import pieces

#: Kind of an entry for regions that are not shown one by one.
FOLDED = "folded"


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A region, or a range of regions that are not shown, with `region` None.

    `number` counts the entries of a page from 0.
    """

    number: int
    offset: int
    end: int
    name: str
    kind: str
    region: Region | None


def entries(snapshot: OpenSnapshot, regions: Sequence[Region], entries_max: int) -> list[PageEntry]:
    """The file in byte order: at most `entries_max` entries, and one for the rest."""
    found: list[PageEntry] = []
    for offset, end, name, region in _stretches(snapshot, regions):
        if len(found) == entries_max:
            rest = f"… the rest of the file: it has {len(regions)} regions …"
            found.append(PageEntry(len(found), offset, regions[-1].end, rest, FOLDED, None))
            break
        found.append(
            PageEntry(len(found), offset, end, name, region.kind if region else FOLDED, region)
        )
    return found


def _stretches(
    snapshot: OpenSnapshot, regions: Sequence[Region]
) -> Iterator[tuple[int, int, str, Region | None]]:
    for members, fold in pieces(snapshot, regions):
        for region in members:
            yield region.offset, region.end, region.name, region
        if fold:
            yield fold.offset, fold.end, fold.what, None


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding with its number on the page, and the entry that holds its first byte.

    A finding behind the last byte of the file belongs to the last entry.
    """

    number: int
    finding: Finding
    entry: PageEntry | None

    def concerns(self, offset: int, length: int) -> bool:
        """Whether the finding is about any of these bytes of the entry."""
        start = self.finding.offset
        end = start + max(self.finding.length or 1, 1) if start is not None else 0
        return start is not None and start < offset + length and offset < end


def badness(severity: Severity) -> int:
    """Sort key; 0 is the worst."""
    return list(Severity).index(severity)


def remarks(
    findings: Sequence[Finding], shown: Sequence[PageEntry], remarks_max: int, *, decompressed: bool
) -> list[Remark]:
    """Place the findings on the page.

    Args:
        findings: findings of one file, in any order.
        shown: the entries of the page.
        remarks_max: most remarks; the worst findings are taken.
        decompressed: whether the entries show a decompressed stream; findings about the file around
            it then have no place.
    """
    starts = [entry.offset for entry in shown]
    ranked = sorted(enumerate(findings), key=lambda pair: badness(pair[1].severity))
    found = []
    for number, finding in sorted(ranked[:remarks_max], key=lambda pair: pair[0]):
        entry = None
        if finding.offset is not None and finding.decompressed == decompressed:
            index = bisect_right(starts, finding.offset) - 1
            inside = index >= 0 and finding.offset < shown[index].end + (index == len(shown) - 1)
            entry = shown[index] if inside else None
        found.append(Remark(number, finding, entry))
    return found
