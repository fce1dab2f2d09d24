"""Comparison of two whole snapshots."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mappedram.diff.differences import (
    BlockDifference,
    Comparison,
    FieldDifference,
    FieldUnknown,
    PageDifferences,
    SectionDifference,
    TroubleError,
)
from mappedram.diff.headers import compare_block, compare_headers, uuid_left_out
from mappedram.diff.pages import compare_pages
from mappedram.diff.pairs import paired
from mappedram.diff.sections import FieldFinding, compare_devices, one_sided, section_pairs
from mappedram.io.copying import Progress
from mappedram.printable import plural
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage, Reason
from mappedram.stream.snapshot import OpenSnapshot

if TYPE_CHECKING:
    from mappedram.io.spans import Runs


def compare(
    a: OpenSnapshot,
    b: OpenSnapshot,
    *,
    channels: int = 1,
    partial: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two snapshots.

    Args:
        a: the first, such as `mappedram.open` returns.
        b: the second.
        channels: number of threads that compare pages.
        partial: compare the known pages of blocks that are not known completely.
        progress: called with the number of bytes of guest memory compared.

    Raises:
        OSError: devices cannot be read. Everything else that cannot be compared is in `trouble`.
    """
    comparing = _Comparing(a, b, partial=partial)
    blocks, pages = tuple(comparing.blocks()), tuple(comparing.pages(channels, progress))
    sections, found = comparing.sections()
    unknown = tuple(one for one in found if isinstance(one, FieldUnknown))
    comparing.note_left_out(unknown)
    return Comparison(
        headers=tuple(compare_headers(a.stream, b.stream)),
        blocks=blocks,
        pages=pages,
        sections=tuple(sections),
        fields=tuple(one for one in found if isinstance(one, FieldDifference)),
        trouble=tuple(comparing.trouble),
        unknown=unknown,
    )


def to_be_compared(a: OpenSnapshot, b: OpenSnapshot) -> int:
    """Bytes of guest memory that `compare` compares, for its progress."""
    return sum(min(one.used_length, other.used_length) for one, other in _with_pages(a, b))


def _blocks(a: OpenSnapshot, b: OpenSnapshot) -> Iterator[tuple[Block | None, Block | None]]:
    return paired(a.blocks, b.blocks, lambda block: block.idstr)


def _with_pages(a: OpenSnapshot, b: OpenSnapshot) -> Iterator[tuple[Block, Block]]:
    """Blocks that both files have."""
    for one, other in _blocks(a, b):
        if one and other:
            yield one, other


def _lacking(block: Block) -> Coverage:
    """What is missing to compare a block; digests may stand for the pages of a metadump."""
    coverage = block.coverage
    unknown = tuple(one for one in coverage.unknown if one.reason is not Reason.BLANKED)
    return replace(coverage, unknown=unknown)


def _known(a: Coverage, b: Coverage) -> "Runs":
    """Bytes that both files know."""
    end = min(a.used_length, b.used_length)
    both = replace(a, unknown=(*a.unknown, *b.unknown))
    return both.known(0, end)


class _Comparing:
    """A running comparison, and its problems so far."""

    def __init__(self, a: OpenSnapshot, b: OpenSnapshot, *, partial: bool) -> None:
        self.a = a
        self.b = b
        self.partial = partial
        self.trouble: list[str] = []

    def blocks(self) -> Iterator[BlockDifference]:
        """Compare the headers of the blocks."""
        for pair in _blocks(self.a, self.b):
            yield from compare_block(*pair)

    def pages(self, channels: int, progress: Progress | None) -> Iterator[PageDifferences]:
        """Compare the pages of the blocks that both files have."""
        names = self.a.source.name, self.b.source.name
        for pair in _with_pages(self.a, self.b):
            lacking = [_lacking(block) for block in pair]
            for snapshot, coverage in zip((self.a, self.b), lacking, strict=True):
                for sentence in coverage.sentences():
                    self.note(snapshot, sentence)
            unknown = any(coverage.unknown for coverage in lacking)
            if unknown and not (self.partial and all(block.readable for block in pair)):
                continue
            try:
                yield compare_pages(
                    *pair,
                    names,
                    known=_known(*lacking) if unknown else None,
                    channels=channels,
                    progress=progress,
                )
            except TroubleError as error:
                self.trouble.append(str(error))

    def sections(self) -> tuple[list[SectionDifference], list[FieldFinding]]:
        """Compare the sections, and the fields of devices that both files have."""
        stopped = [one for one in (self.a, self.b) if one.stream.stopped]
        for one in stopped:
            self.note(one, f"not parsed to its end: {one.stream.stopped}")
        pairs = section_pairs(self.a, self.b)
        # Sections behind the place where reading stopped may exist.
        lonely = [] if stopped else list(one_sided(pairs))
        return lonely, list(compare_devices(self.a, self.b, pairs))

    def note_left_out(self, unknown: tuple[FieldUnknown, ...]) -> None:
        """Note the headers and devices that a metadump left out."""
        for side, one in (("a", self.a), ("b", self.b)):
            if uuid_left_out(one.stream):
                self.note(one, "the UUID is not compared: the metadump left it out")
            fields = [field for field in unknown if field.left_out in (side, "both")]
            devices = {(field.idstr, field.instance_id) for field in fields}
            if fields:
                self.note(
                    one,
                    f"not compared: {plural(len(fields), 'field')} of"
                    f" {plural(len(devices), 'device')}, left out by the metadump",
                )

    def note(self, snapshot: OpenSnapshot, reason: str) -> None:
        """Note a problem that leaves a part of a file out."""
        self.trouble.append(f"{snapshot.source.name}: {reason}")
