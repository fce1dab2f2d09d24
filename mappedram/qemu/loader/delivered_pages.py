"""Which pages the records of a stream without mapped-ram have brought so far, and from where."""

from typing import TYPE_CHECKING

from mappedram.io.source import Source
from mappedram.stream.page_records import RecordedPages
from mappedram.stream.reader.record_store import RecordStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Bytes of the shortest record of a page: without a name, of zeros.
_SHORTEST = 9
#: There is a place for each record: no load ends because there are many.
_ANY_NUMBER = 1 << 62


class Delivered:
    """The pages that have come.

    Args:
        source: the file.
        keep: whether to keep where each stands, to compare memory.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self._keep = keep
        self._told: dict[str, NDArray[np.bool_]] = {}
        self._stores: dict[str, RecordStore] = {}
        self._named: set[str] = set()
        #: Pages that the file can tell of at the most, less those that are kept account of.
        self._room = source.size // _SHORTEST
        #: Whether a page came that is shorter than a page, so that the rest of it stayed as it was.
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
            num_pages: how many pages it has now.
            pages: the number of the page of each record.
            places: where its bytes stand, as for `RecordStore.add`.
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
        """A flag for each page of a block; None where the file is too short for all of them."""
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
        """Whether a record about a block has come."""
        return idstr in self._named

    def lacks(self, idstr: str, num_pages: int) -> bool:
        """Whether a page of a block has not come."""
        told = self._told.get(idstr)
        return num_pages > 0 if told is None else not told[:num_pages].all()

    def pages(self, page_size: int) -> dict[str, RecordedPages]:
        """Where the pages of each block stand that a record was about."""
        return {idstr: store.finish(page_size) for idstr, store in self._stores.items()}
