"""Pages that the records of a stream without mapped-ram have delivered so far, and their places."""

from typing import TYPE_CHECKING

from mappedram.io.source import Source
from mappedram.stream.page_records import RecordedPages
from mappedram.stream.reader.record_store import RecordStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Size of the shortest page record: a zero page without a name.
_SHORTEST = 9
#: No limit: the number of records alone ends no load.
_ANY_NUMBER = 1 << 62


class Delivered:
    """The pages delivered so far.

    Args:
        source: the file.
        keep: whether to keep the place of each page, to compare memory.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self._keep = keep
        self._told: dict[str, NDArray[np.bool_]] = {}
        self._stores: dict[str, RecordStore] = {}
        self._named: set[str] = set()
        #: Largest number of pages that the file can hold, less those already tracked.
        self._room = source.size // _SHORTEST
        #: Whether a page was shorter than its size, so that the rest of it kept its old contents.
        self.has_short_page = False

    def add(
        self,
        idstr: str,
        num_pages: int,
        pages: "NDArray[np.int64]",
        places: "NDArray[np.int64]",
    ) -> None:
        """Note records of one block.

        Args:
            idstr: the block.
            num_pages: number of its pages now.
            pages: page number of each record.
            places: file offset of its bytes, as for `RecordStore.add`.
        """
        self._named.add(idstr)
        told = self._account(idstr, num_pages)
        if told is not None:
            told[pages] = True
        if self._keep:
            if idstr not in self._stores:
                self._stores[idstr] = RecordStore(num_pages, _ANY_NUMBER)
            self._stores[idstr].add(pages, places)

    def _account(self, idstr: str, num_pages: int) -> "NDArray[np.bool_] | None":
        """A flag for each page of a block; None if the file is too short to hold so many."""
        import numpy as np

        told = self._told.get(idstr)
        have = 0 if told is None else len(told)
        if have < num_pages:
            if num_pages - have > self._room:
                return None
            self._room -= num_pages - have
            grown = np.zeros(num_pages, np.bool_)
            if told is not None:
                grown[:have] = told
            told = self._told[idstr] = grown
        return told

    def has_any(self, idstr: str) -> bool:
        """Whether a record about a block was seen."""
        return idstr in self._named

    def lacks(self, idstr: str, num_pages: int) -> bool:
        """Whether a page of a block was not delivered."""
        told = self._told.get(idstr)
        return num_pages > 0 if told is None else not told[:num_pages].all()

    def pages(self, page_size: int) -> dict[str, RecordedPages]:
        """Places of the delivered pages of each block."""
        return {idstr: store.finish(page_size) for idstr, store in self._stores.items()}
