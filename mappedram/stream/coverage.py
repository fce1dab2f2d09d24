"""What a file tells of each page of a block: its bytes, that it is zero, or nothing. No I/O.

A page is *present* if its bytes stand in the file, *absent* if the format says that it is zero, and
*unknown* otherwise. Unknown pages are never taken for zero: who reads them is refused, or asks for
what is known and is told the rest. Ranges are bytes of the block, half-open and ascending.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mappedram.errors import FormatError, UnknownPagesError, UnknownRange
from mappedram.stream import intervals

if TYPE_CHECKING:
    from mappedram.io.spans import Runs
    from mappedram.stream.bitmap import Bitmap
    from mappedram.stream.page_records import RecordedPages

#: Bytes of a bitmap that are written whole or not at all, for all that is known.
_WORD = 8
#: No array has larger numbers, and no file larger offsets; a header can claim more.
_END = (1 << 63) - 1
#: Bits of such a word.
_WORD_PAGES = 8 * _WORD


#: Stands for the name of blocks whose headers are not in the file; no block has it.
NOT_LISTED = ""


class Reason(Enum):
    """Why a file does not tell what pages hold: the value for JSON, `text` for people."""

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
        """The reason in words."""
        return _TEXTS[self]


_TEXTS = {
    Reason.PAGES_CUT: "the file ends before them",
    Reason.BITMAP_CUT: "the file ends before their bitmap does",
    Reason.BITMAP_UNWRITTEN: (
        "the save did not come to its end, and their bitmap was never written"
        " (see `mappedram repair`)"
    ),
    Reason.ORDER_UNKNOWN: "the file ends before anything shows the byte order of its bitmaps",
    Reason.NOT_SENT: "the stream ends before it tells of them",
    Reason.MAYBE_SENT_AGAIN: "the stream ends before RAM does, and may have sent them once more",
    Reason.LEFT_OUT: "the save left the block out (x-ignore-shared)",
    Reason.BLANKED: "a metadump leaves out what pages hold",
    Reason.UNSOUND: "the header of the block contradicts itself or the rest of the file",
    Reason.PAGE_SIZE_UNTOLD: "nothing in the file tells the size of a page",
    Reason.TOO_LARGE: "the block claims more than any guest has",
    Reason.NOT_LISTED: "the file ends before the headers of their blocks",
}


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Bytes of one block that the file does not tell, for one reason."""

    reason: Reason
    ranges: "Runs"

    @property
    def size(self) -> int:
        """How many bytes."""
        return intervals.size(self.ranges)

    def within(self, start: int, end: int) -> "Runs":
        """The part of the ranges that lies in [start, end)."""
        return intervals.within(self.ranges, min(start, _END), min(end, _END))


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What the file does not tell of a block.

    Attributes:
        idstr: name of the block.
        used_length: bytes of the block.
        page_size: bytes of a page; None where nothing tells.
        unknown: by reason; no byte is in two of them, and none is empty.
    """

    idstr: str
    used_length: int
    page_size: int | None
    unknown: tuple[Unknown, ...]

    @property
    def unknown_size(self) -> int:
        """How many bytes the file does not tell."""
        return sum(one.size for one in self.unknown)

    @property
    def is_left_out(self) -> bool:
        """Whether the save left out the block, as it does with shared memory."""
        return any(one.reason is Reason.LEFT_OUT for one in self.unknown)

    def known(self, start: int, end: int) -> "Runs":
        """The bytes of [start, end) that the file tells; half-open and ascending."""
        lacking = (one.within(start, end) for one in self.unknown)
        return intervals.complement(intervals.union(*lacking), min(start, _END), min(end, _END))

    def within(self, start: int, end: int) -> "Coverage":
        """The same for the bytes [start, end) only."""
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
        """How much is unknown and why, a sentence for each reason."""
        for one in self.unknown:
            unit = self.page_size or 1
            count, of = -(-one.size // unit), -(-self.used_length // unit)
            what = f"{'page' if self.page_size else 'byte'}{'s' if of > 1 else ''}"
            if one.reason is Reason.NOT_LISTED:
                yield f"{count} bytes of RAM unknown: {one.reason.text}"
                continue
            yield (
                f"block {self.idstr!r}: {count} of {of} {what} unknown, the first at"
                f" {int(one.ranges[0, 0]):#x}: {one.reason.text}"
            )


def require_known(coverages: Iterable[Coverage], stopped: FormatError | None = None) -> None:
    """Refuse to go on where anything is unknown.

    Args:
        coverages: what must be known.
        stopped: where the file could not be followed any further, which is then told, too.

    Raises:
        UnknownPagesError: something is; its ranges are all that is.
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
    """The pages of `runs`, for one reason; nothing where there are none."""
    return (Unknown(reason, runs * page_size),) if len(runs) else ()


def written_pages(bitmap: "Bitmap") -> int:
    """Of how many pages a bitmap tells that was perhaps not written to its end.

    Up to the last word that has a bit set, all of it was.
    """
    import numpy as np

    little = np.frombuffer(bitmap.little, np.uint8)
    last = int(little.nonzero()[0][-1]) if bitmap.any() else -1
    return min(bitmap.num_pages, (last // _WORD + 1) * _WORD_PAGES)


def order_matters(bitmap: "Bitmap") -> "Runs":
    """The runs of pages whose bits are others in the other byte order."""
    import numpy as np

    from mappedram.stream.bitmap import Bitmap

    words = np.frombuffer(bitmap.data, np.dtype(f"u{bitmap.word_size}"))
    differing = words != words.byteswap()
    bits = np.repeat(differing, 8 * bitmap.word_size)[: bitmap.num_pages]
    little = np.packbits(bits, bitorder="little").tobytes().ljust(len(bitmap.data), b"\0")
    return Bitmap(little, bitmap.num_pages, bitmap.word_size).runs()


def unsent(pages: "RecordedPages", num_pages: int) -> tuple[Unknown, ...]:
    """What is unknown of a block of a stream that ends before RAM does."""
    sent = pages.sent()
    return (
        *unknown(Reason.MAYBE_SENT_AGAIN, sent, pages.page_size),
        *unknown(Reason.NOT_SENT, intervals.complement(sent, 0, num_pages), pages.page_size),
    )
