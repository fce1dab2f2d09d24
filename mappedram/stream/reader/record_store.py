"""Page records of one block, in growing arrays without obsolete records.

A guest can send a page any number of times, and a hostile file hundreds of millions of times. Each
time the arrays have doubled, obsolete records are dropped.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mappedram.errors import UnsupportedError
from mappedram.stream.page_records import ZERO, Delta, RecordedPages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Initial capacity in records; tens of thousands of blocks may have one each.
_ROOM_MIN = 16
#: Minimum number of records before obsolete ones are dropped.
_SETTLED_MIN = 1 << 18


class RecordStore:
    """Records of one block so far, in the order of the stream.

    Args:
        num_pages: pages of the block.
        differences_max: maximum number of XBZRLE differences in use at a time.
    """

    def __init__(self, num_pages: int, differences_max: int) -> None:
        import numpy as np

        self.num_pages = num_pages
        self._differences_max = differences_max
        # Page numbers fit the smaller type in most blocks; a place needs 64 bits.
        self._pages: NDArray[np.uint32 | np.int64] = np.empty(
            _ROOM_MIN, np.uint32 if num_pages <= 1 << 32 else np.int64
        )
        self._places: NDArray[np.int64] = np.empty(_ROOM_MIN, np.int64)
        self._count = 0
        #: Number of records left after obsolete ones were last dropped.
        self._settled = 0
        #: Highest page that has had bytes; a zero record of a later page adds no information.
        self._highest = -1
        #: All pages below this have had a record.
        self._told_to = 0

    def add(self, pages: "NDArray[np.int64]", places: "NDArray[np.int64]") -> None:
        """Add records.

        Args:
            pages: page number of each.
            places: place of its bytes; `ZERO` for a page of zeros; negative for a difference.

        Raises:
            UnsupportedError: there are too many differences.
        """
        import numpy as np

        self._tell(pages)
        stored = places != ZERO
        highest = np.maximum.accumulate(np.where(stored, pages, -1)).clip(min=self._highest)
        telling = stored | (pages <= highest)
        if not telling.all():
            pages, places = pages[telling], places[telling]
        self._highest = int(highest[-1])
        if self._count + len(pages) > max(_SETTLED_MIN, 2 * self._settled):
            self._settle()
        end = self._count + len(pages)
        if end > len(self._pages):
            self._pages, self._places = (
                _with_room(self._pages, self._count, 2 * end),
                _with_room(self._places, self._count, 2 * end),
            )
        self._pages[self._count : end] = pages
        self._places[self._count : end] = places
        self._count = end

    def finish(self, page_size: int) -> RecordedPages:
        """The last record of each page; `page_size` is in bytes."""
        import numpy as np

        self._settle()
        pages, places = self._pages[: self._count], self._places[: self._count]
        last = np.append(pages[1:] != pages[:-1], True)[: self._count]
        deltas = tuple(_deltas(pages, places)) if (places < 0).any() else ()
        pages, places = pages[last], places[last]
        places[places < 0] = -1 - np.arange(len(deltas))
        return RecordedPages(page_size, pages, places, deltas, self._told_to)

    def _tell(self, pages: "NDArray[np.int64]") -> None:
        """Count the pages at the start that have a record without a gap."""
        if int(pages[0]) == self._told_to and (pages[1:] - pages[:-1] == 1).all():
            self._told_to += len(pages)

    def _settle(self) -> None:
        """Sort by page, and drop the records before the last whole record of each page."""
        import numpy as np

        pages, places = self._pages[: self._count], self._places[: self._count]
        if not (pages[1:] > pages[:-1]).all():
            order = np.argsort(pages, kind="stable")
            pages, places = pages[order], places[order]
            del order
            ends = np.append((pages[1:] != pages[:-1]).nonzero()[0], len(pages) - 1)
            passed = np.cumsum(places >= 0, dtype=np.int32)  # number of whole ones
            kept = passed == np.repeat(passed[ends], np.diff(ends, prepend=-1))
            self._pages, self._places = pages[kept], places[kept]
            self._count = len(self._pages)
        self._settled = self._count
        differences = int((self._places[: self._count] < 0).sum())
        if differences > self._differences_max:
            raise UnsupportedError(
                f"page record: {differences} XBZRLE differences count in one block, more than are"
                " kept for a file of this size"
            )


def _with_room(array: "NDArray[Any]", count: int, room: int) -> "NDArray[Any]":
    """Copy the first `count` entries to a larger array; the rest takes no memory yet."""
    import numpy as np

    grown = np.empty(room, array.dtype)
    grown[:count] = array[:count]
    return grown


def _deltas(pages: "NDArray[Any]", places: "NDArray[np.int64]") -> Iterator[Delta]:
    """Deltas of the pages whose last record is a difference; obsolete records are gone."""
    import numpy as np

    ends = np.append((pages[1:] != pages[:-1]).nonzero()[0], len(pages) - 1) + 1
    starts = np.append(0, ends[:-1])
    changed = places[ends - 1] < 0
    for start, end in zip(starts[changed].tolist(), ends[changed].tolist(), strict=True):
        base = max(ZERO, int(places[start]))
        first = start if places[start] < 0 else start + 1
        yield Delta(base, -places[first:end])
