"""Two snapshots side by side, all of it."""

from collections.abc import Iterator

from mappedram.diff.differences import (
    BlockDifference,
    Comparison,
    FieldDifference,
    PageDifferences,
    SectionDifference,
    TroubleError,
)
from mappedram.diff.headers import compare_block, compare_headers
from mappedram.diff.pages import compare_pages
from mappedram.diff.pairs import paired
from mappedram.diff.sections import compare_devices, one_sided, section_pairs
from mappedram.pageio import Progress
from mappedram.snapshot import Block, Snapshot


def compare(
    a: Snapshot, b: Snapshot, *, channels: int = 1, progress: Progress | None = None
) -> Comparison:
    """Compare two snapshots.

    Args:
        a: the first, such as `mappedram.open` returns.
        b: the second.
        channels: how many threads compare pages.
        progress: called with the bytes of guest memory that are done.

    Raises:
        OSError: devices cannot be read. What else cannot be compared is in `trouble`.
    """
    comparing = _Comparing(a, b)
    blocks, pages = tuple(comparing.blocks()), tuple(comparing.pages(channels, progress))
    sections, fields = comparing.sections()
    return Comparison(
        headers=tuple(compare_headers(a.stream, b.stream)),
        blocks=blocks,
        pages=pages,
        sections=tuple(sections),
        fields=tuple(fields),
        trouble=tuple(comparing.trouble),
    )


def to_be_compared(a: Snapshot, b: Snapshot) -> int:
    """Bytes of guest memory that `compare` goes through, for showing its progress."""
    return sum(min(one.used_length, other.used_length) for one, other in _with_pages(a, b))


def _blocks(a: Snapshot, b: Snapshot) -> Iterator[tuple[Block | None, Block | None]]:
    return paired(a.blocks, b.blocks, lambda block: block.idstr)


def _with_pages(a: Snapshot, b: Snapshot) -> Iterator[tuple[Block, Block]]:
    """The blocks whose pages can be compared; what a file leaves out, nothing is known of."""
    if not all(one.stream.ram_ended or one.stream.complete for one in (a, b)):
        return
    for one, other in _blocks(a, b):
        if one and other and one.has_pages and other.has_pages:
            yield one, other


class _Comparing:
    """A comparison under way, and what went wrong so far."""

    def __init__(self, a: Snapshot, b: Snapshot) -> None:
        self.a = a
        self.b = b
        self.trouble: list[str] = []

    def blocks(self) -> Iterator[BlockDifference]:
        """What the headers of the blocks say."""
        for pair in _blocks(self.a, self.b):
            yield from compare_block(*pair)

    def pages(self, channels: int, progress: Progress | None) -> Iterator[PageDifferences]:
        """The pages of the blocks that both files have."""
        for one in (self.a, self.b):
            if not one.bitmaps_written:
                self.note(
                    one,
                    "the save did not come to its end: its bitmaps were never written, and which"
                    " pages are in the file is not known (see `mappedram check`)",
                )
        names = self.a.source.name, self.b.source.name
        for pair in _with_pages(self.a, self.b):
            try:
                yield compare_pages(*pair, names, channels=channels, progress=progress)
            except TroubleError as error:
                self.trouble.append(str(error))

    def sections(self) -> tuple[list[SectionDifference], list[FieldDifference]]:
        """The sections, and the fields of devices that both files have."""
        stopped = [one for one in (self.a, self.b) if one.stream.stopped]
        for one in stopped:
            self.note(one, f"not followed to its end: {one.stream.stopped}")
        pairs = section_pairs(self.a, self.b)
        # What stands behind the place where reading stopped is not known to be missing.
        lonely = [] if stopped else list(one_sided(pairs))
        return lonely, list(compare_devices(self.a, self.b, pairs))

    def note(self, snapshot: Snapshot, reason: str) -> None:
        """Something that leaves a part of a file out."""
        self.trouble.append(f"{snapshot.source.name}: {reason}")
