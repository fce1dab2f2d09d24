"""Keep the page records of a stream without mapped-ram, but not the pages in them."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from mappedram.errors import FormatError
from mappedram.export.metadump.runs import Kept
from mappedram.export.metadump.structure import is_ram
from mappedram.format.constants import RAM_SAVE_FLAG_CONTINUE
from mappedram.io.source import Source
from mappedram.stream import intervals
from mappedram.stream.model import Section, Stream
from mappedram.stream.page_records import COMPRESSED
from mappedram.stream.reader.record_store import RecordStore
from mappedram.stream.reader.records import PageIndex
from mappedram.stream.snapshot import OpenSnapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

_WORD = 8
#: More pages than a word can number.
_PAGES_MAX = 1 << 62
#: Structures that no record follows.
_LAST = ("end_of_section", "section_footer")


class _Bodies(RecordStore):
    """Collects the places of page contents from the records of one block.

    A page beyond the block is no reason to stop: the reader needs the words up to it.
    """

    def __init__(self, source: Source, page_size: int) -> None:
        super().__init__(_PAGES_MAX, 0)
        self.found: list[Runs] = []
        self._source = source
        self._page_size = page_size

    def add(self, pages: "NDArray[np.int64]", places: "NDArray[np.int64]") -> None:  # noqa: ARG002
        """See `RecordStore.add`."""
        import numpy as np

        compressed = places >= COMPRESSED
        whole = places[(places > 0) & ~compressed]
        if len(whole):
            self.found.append(np.stack((whole, whole + self._page_size), axis=1))
        for encoded, size in ((-places[places < 0], 2), (places[compressed] - COMPRESSED, 4)):
            for place in encoded.tolist():  # its length comes before it
                length = int.from_bytes(self._source.peek(place - size, size), "big")
                self.found.append(np.array([[place, place + length]], np.int64))


def keep_records(snapshot: OpenSnapshot, kept: Kept) -> "Runs":
    """Keep the RAM sections without the contents of pages.

    Returns:
        The contents left out: ascending ranges, one for each record with contents.
    """
    import numpy as np

    source, stream = snapshot.source, snapshot.stream
    page_size = _page_size(stream)
    found: list[Runs] = [np.empty((0, 2), np.int64)]
    if page_size is None:
        return found[0]
    lengths = {block.idstr: block.used_length for block in stream.blocks}
    blocks = {name: _Bodies(source, page_size) for name in lengths}
    index = PageIndex(source, page_size, lengths, blocks)
    for start in _beginnings(stream):
        try:
            end = index.pass_records(start, "")
        except FormatError as stopped:
            end = _stopped_end(source, stopped, start, page_size)
        here = [part for block in blocks.values() for part in block.found]
        for block in blocks.values():
            block.found = []
        bodies = np.concatenate([found[0], *here]).clip(max=source.size)
        bodies = bodies[np.argsort(bodies[:, 0], kind="stable")]
        found.append(bodies)
        end = max(end, int(bodies[-1, 1]) if len(bodies) else 0)
        kept.keep_runs(intervals.complement(bodies, start, end))
    return np.concatenate(found)


def _stopped_end(source: Source, stopped: FormatError, start: int, page_size: int) -> int:
    """End of the bytes that the reader read in the record that stopped it."""
    offset = stopped.offset or start
    field = stopped.path.rpartition("/")[2]
    if field in ("fill", "encoding"):
        return offset + 1
    if field == "len_compressed":
        return offset + 4
    if field == "idstr":
        return offset + 1 + int.from_bytes(source.peek(offset, 1), "big")
    word = int.from_bytes(source.peek(offset, _WORD), "big")
    named = not field and not word & (page_size - 1) & RAM_SAVE_FLAG_CONTINUE
    length = 1 + int.from_bytes(source.peek(offset + _WORD, 1), "big") if named else 0
    return offset + _WORD + length


def _page_size(stream: Stream) -> int | None:
    """Page size that the reader used."""
    return next((pages.page_size for pages in stream.recorded.values()), stream.page_size)


def _beginnings(stream: Stream) -> Iterator[int]:
    """Beginnings of rows of records: places in a section of RAM that no other structure follows."""
    elements = sorted(stream.elements, key=lambda element: element.offset)
    offsets = [element.offset for element in elements]
    for section in stream.sections:
        if not is_ram(section):
            continue
        first = bisect_left(offsets, section.offset)
        last = max(first, bisect_left(offsets, max(section.end, section.payload_offset)))
        for element, behind in zip_longest(elements[first:last], elements[first + 1 : last]):
            if behind is None and (element.kind in _LAST or not _stopped_in(stream, section)):
                continue
            if behind is None or behind.offset > element.end:
                yield element.end


def _stopped_in(stream: Stream, section: Section) -> bool:
    """Whether the reader stopped among the records of a section."""
    return stream.stopped is not None and stream.stopped.path.startswith(section.path)
