"""Known and unknown memory of each block of a file. No I/O.

A page is *present* if its bytes are in the file, *absent* if the format says that it is zero, and
*unknown* otherwise. Unknown pages are never treated as zero: reading them is refused, unless the
caller asks for the known part and gets a report of the rest. Ranges are bytes of the block,
half-open and ascending.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mappedram.errors import FormatError, UnknownPagesError, UnknownRange
from mappedram.printable import plural
from mappedram.stream import intervals

if TYPE_CHECKING:
    from mappedram.io.spans import Runs
    from mappedram.stream.bitmap import Bitmap
    from mappedram.stream.page_records import RecordedPages

#: Bytes of a bitmap that are assumed to be written as a whole or not at all.
_WORD = 8
#: Maximum of array values and of file offsets; a header can claim more.
_END = (1 << 63) - 1
#: Pages of one such word.
_WORD_PAGES = 8 * _WORD


#: Used as the name of blocks whose headers are missing from the file; no block has this name.
NOT_LISTED = ""


class Reason(Enum):
    """Reason why memory is unknown: the value is for JSON, `text` for people."""

    PAGES_CUT = "pages-cut"
    BITMAP_CUT = "bitmap-cut"
    BITMAP_UNWRITTEN = "bitmap-unwritten"
    ORDER_UNKNOWN = "order-unknown"
    NOT_SENT = "not-sent"
    MAYBE_SENT_AGAIN = "maybe-sent-again"
    LEFT_OUT = "left-out"
    BLANKED = "blanked"
    UNSOUND = "unsound"
    PAGE_SIZE_UNTOLD = "page-size-untold"
    TOO_LARGE = "too-large"
    NOT_LISTED = "not-listed"

    @property
    def text(self) -> str:
        """The reason as words of a sentence."""
        return _TEXTS[self]


_TEXTS = {
    Reason.PAGES_CUT: "the file ends before them",
    Reason.BITMAP_CUT: "the file ends inside or before their bitmap",
    Reason.BITMAP_UNWRITTEN: (
        "incomplete save: their bitmap was never written (see `mappedram repair`)"
    ),
    Reason.ORDER_UNKNOWN: "the file ends before the byte order of its bitmaps is known",
    Reason.NOT_SENT: "the stream ends before their records",
    Reason.MAYBE_SENT_AGAIN: "the stream ends before END of RAM, and later records are missing",
    Reason.LEFT_OUT: "the save skipped the block (x-ignore-shared)",
    Reason.BLANKED: "a metadump does not contain pages",
    Reason.UNSOUND: "the header of the block contradicts itself or the rest of the file",
    Reason.PAGE_SIZE_UNTOLD: "the file does not give the page size",
    Reason.TOO_LARGE: "the block is larger than the memory of any guest",
    Reason.NOT_LISTED: "the file ends before the headers of their blocks",
}


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Bytes of one block that are unknown for one reason."""

    reason: Reason
    ranges: "Runs"

    @property
    def size(self) -> int:
        """Number of bytes."""
        return intervals.size(self.ranges)

    def within(self, start: int, end: int) -> "Runs":
        """The part of the ranges in [start, end)."""
        return intervals.within(self.ranges, min(start, _END), min(end, _END))


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Unknown memory of a block.

    Attributes:
        idstr: name of the block.
        used_length: bytes of the block.
        page_size: bytes of a page; None if the file does not say.
        unknown: ranges by reason; they do not overlap, and none is empty.
    """

    idstr: str
    used_length: int
    page_size: int | None
    unknown: tuple[Unknown, ...]

    @property
    def unknown_size(self) -> int:
        """Number of unknown bytes."""
        return sum(one.size for one in self.unknown)

    @property
    def is_left_out(self) -> bool:
        """Whether the save left out the block, as it does with shared memory."""
        return any(one.reason is Reason.LEFT_OUT for one in self.unknown)

    def known(self, start: int, end: int) -> "Runs":
        """The known bytes of [start, end); half-open and ascending."""
        lacking = (one.within(start, end) for one in self.unknown)
        return intervals.complement(intervals.union(*lacking), min(start, _END), min(end, _END))

    def within(self, start: int, end: int) -> "Coverage":
        """The coverage of bytes [start, end) only."""
        parts = (Unknown(one.reason, one.within(start, end)) for one in self.unknown)
        return Coverage(
            self.idstr, self.used_length, self.page_size, tuple(p for p in parts if len(p.ranges))
        )

    def ranges(self) -> Iterator[UnknownRange]:
        """Each unknown range, by reason."""
        for one in self.unknown:
            for start, end in one.ranges.tolist():
                yield UnknownRange(self.idstr, start, end - start, one.reason.value)

    def sentences(self) -> Iterator[str]:
        """Size and reason of the unknown memory, one sentence for each reason."""
        for one in self.unknown:
            unit = self.page_size or 1
            count, of = -(-one.size // unit), -(-self.used_length // unit)
            what = f"{'page' if self.page_size else 'byte'}{'s' if of > 1 else ''}"
            if one.reason is Reason.NOT_LISTED:
                yield f"{plural(count, 'byte')} of RAM unknown: {one.reason.text}"
                continue
            yield (
                f"block {self.idstr!r}: {count} of {of} {what} unknown, the first at"
                f" {int(one.ranges[0, 0]):#x}: {one.reason.text}"
            )


def require_known(coverages: Iterable[Coverage], stopped: FormatError | None = None) -> None:
    """Refuse unknown memory.

    Args:
        coverages: memory that must be known.
        stopped: the error that ended reading, which the message then includes.

    Raises:
        UnknownPagesError: some of it is unknown; `ranges` has all of that.
    """
    lacking = [coverage for coverage in coverages if coverage.unknown]
    if lacking:
        sentences = [sentence for coverage in lacking for sentence in coverage.sentences()]
        sentences += [f"reading ended: {stopped}"] if stopped else []
        raise UnknownPagesError(
            "; ".join(sentences), lambda: (r for coverage in lacking for r in coverage.ranges())
        )


def whole(reason: Reason, size: int) -> tuple[Unknown, ...]:
    """All `size` bytes of a block, for one reason."""
    import numpy as np

    return (Unknown(reason, np.array([[0, min(size, _END)]], np.int64)),) if size else ()


def unknown(reason: Reason, runs: "Runs", page_size: int) -> tuple[Unknown, ...]:
    """The pages of `runs`, for one reason; empty if there are none."""
    return (Unknown(reason, runs * page_size),) if len(runs) else ()


def written_pages(bitmap: "Bitmap") -> int:
    """Number of pages up to the end of the last bitmap word with a set bit.

    An incomplete bitmap was certainly written up to there.
    """
    import numpy as np

    little = np.frombuffer(bitmap.little, np.uint8)
    last = int(little.nonzero()[0][-1]) if bitmap.any() else -1
    return min(bitmap.num_pages, (last // _WORD + 1) * _WORD_PAGES)


def order_matters(bitmap: "Bitmap") -> "Runs":
    """Runs of pages whose bits change if the byte order is swapped."""
    import numpy as np

    from mappedram.stream.bitmap import Bitmap

    words = np.frombuffer(bitmap.data, np.dtype(f"u{bitmap.word_size}"))
    differing = words != words.byteswap()
    bits = np.repeat(differing, 8 * bitmap.word_size)[: bitmap.num_pages]
    little = np.packbits(bits, bitorder="little").tobytes().ljust(len(bitmap.data), b"\0")
    return Bitmap(little, bitmap.num_pages, bitmap.word_size).runs()


def unsent(pages: "RecordedPages", num_pages: int) -> tuple[Unknown, ...]:
    """Unknown memory of a block in a stream that ends before RAM does."""
    sent = pages.sent()
    return (
        *unknown(Reason.MAYBE_SENT_AGAIN, sent, pages.page_size),
        *unknown(Reason.NOT_SENT, intervals.complement(sent, 0, num_pages), pages.page_size),
    )
