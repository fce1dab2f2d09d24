"""Walk along a stream, as `mappedram.format.file` declares it.

A driver turns the bytes of each structure into values. This module adds what a declaration cannot
express: the end of payloads of unknown length, and the page size of a plain stream.
"""

from collections.abc import Callable, Sequence
from typing import cast

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format import file, grammar
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE, is_page_size
from mappedram.format.constants import (
    OFFSET_BITS,
    RAM_SAVE_FLAG_MASK,
    SectionType,
)
from mappedram.format.drivers.base import Driver, RefusalError
from mappedram.format.grammar import Payload
from mappedram.format.typed import Fields, Kind, Params, T
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream
from mappedram.stream.reader import assemble, vmdescription
from mappedram.stream.reader.ahead import HeadersAhead
from mappedram.stream.reader.footer import FOOTER_SIZE, find_footer, footer_bytes, is_section_start
from mappedram.stream.reader.passed import Passed, refuse_others
from mappedram.stream.reader.records import Fit, PageIndex, PageTaker

#: Bytes read for a structure at first; the few longer ones need more.
_USUAL = 512
_LONGEST = 1 << 17
#: Callback that creates the page consumer, called before the first page record with everything read
#: so far and the page size in bytes.
OnPages = Callable[[Stream, int], PageTaker | None]
#: Page sizes to try if the stream does not say: those that targets have, the most common first.
_USUAL_PAGE_SIZES = (1 << 12, 1 << 10, 1 << 13, 1 << 14, 1 << 11, 1 << 15, 1 << 16)
_SMALL_PAGE_SIZES = (1 << 8,)


def read_stream(
    source: Source, offset: int, driver: Driver, on_pages: OnPages | None = None
) -> Stream:
    """Follow the stream that begins at `offset`.

    Reads headers and the JSON text. Bitmaps and pages are not read, except pages in records.

    Args:
        source: the file.
        offset: start of the stream.
        driver: reads single structures.
        on_pages: called before the first page record, if there is one.

    Raises:
        UnsupportedError: no QEMU migration stream begins there.
    """
    return _read(StreamWalk(source, offset, driver, on_pages))[0]


def read_values(source: Source, offset: int, driver: Driver) -> tuple[Stream, Fields | None]:
    """Like `read_stream`, but also return the values that build `mappedram.format.file.Stream`.

    Returns:
        The stream, and its values; None if it cannot be followed to its end.
    """
    walk = StreamWalk(source, offset, driver, None)
    walk.keeps = True
    return _read(walk)


def _read(walk: "StreamWalk") -> tuple[Stream, Fields | None]:
    refuse_others(walk.source, walk.start)
    try:
        values = grammar.parse(file.Stream, walk)
    except FormatError as error:
        return walk.stopped(error), None
    return walk.result(None), values


class StreamWalk(Passed):
    """Walk along the declaration of Construct. It is a `mappedram.format.grammar.Walk`."""

    def __init__(
        self, source: Source, offset: int, driver: Driver, on_pages: OnPages | None = None
    ) -> None:
        super().__init__(source, offset, driver)
        self.on_pages = on_pages
        self.keeps = False
        self.word_size = DEFAULT_WORD_SIZE
        self.lengths: dict[tuple[str, int], list[int]] | None = None
        #: The last structure of each kind: its parameters, bytes and values.
        self.last: dict[str, tuple[Params, bytes, object]] = {}
        self.ahead = HeadersAhead(source) if source.is_remote else None

    # Methods for the declaration (`mappedram.format.grammar.Walk`).

    def structure(self, kind: Kind[T], path: str, params: Params) -> T:
        """See `grammar.Walk`."""
        values, length = self.again(kind, params) or self.parse(kind, path, params)
        element = Element(kind, path, self.position, length, values, params)
        self.elements.append(element)
        if self.ahead:
            self.ahead.passed(element)
        self.position += length
        return values

    def attempt(self, parse: Callable[[], bool]) -> bool:
        """See `grammar.Walk`."""
        start, taken = self.position, len(self.elements)
        try:
            if parse():
                return True
        except FormatError:
            pass
        del self.elements[taken:]
        self.position = start
        return False

    @property
    def flags_mask(self) -> int:
        """See `grammar.Walk`."""
        return self.records.flags_mask if self.records else RAM_SAVE_FLAG_MASK

    def page_records(self, path: str) -> None:
        """See `grammar.Walk`."""
        self.records = self.records or self.page_index(path)
        self.position = self.records.pass_records(self.position, path)

    def opaque(self, payload: Payload, path: str) -> None:
        """See `grammar.Walk`; the JSON text or the footer gives its end."""
        try:
            self.position = self.end_of(payload, path)
        except UnsupportedError:
            if not self.keeps:
                raise
            self.position, self.said.rest = self.source.size, True

    # One structure at the stream position.

    def again(self, kind: Kind[T], params: Params) -> tuple[T, int] | None:
        """The last result for this kind, if the same bytes follow again.

        A driver reads no byte after the structure. Thousands of sections PART are identical.
        """
        before, data, values = self.last.get(kind, ({}, b"", {}))
        repeated = data and before == params and self.source.peek(self.position, len(data)) == data
        return (cast("T", values), len(data)) if repeated else None

    def parse(self, kind: Kind[T], path: str, params: Params) -> tuple[T, int]:
        """Parse the structure at the stream position with the driver."""
        for size in (_USUAL, _LONGEST):
            data = self.source.peek(self.position, size)
            try:
                values, length = self.driver.parse(kind, data, params)
            except RefusalError as refusal:
                if refusal.short and len(data) == size < _LONGEST:
                    continue
                self.refuse(refusal, path)
            break
        self.last[kind] = (params, data[:length], values)
        return values, length

    # Payloads of unknown length.

    def end_of(self, payload: Payload, path: str) -> int:
        """First byte after a payload that only its device understands."""
        start = self.position
        described = self.described_lengths().get((payload.idstr or "", payload.instance_id or 0))
        if described and payload.section_type == SectionType.FULL:
            end = start + described.pop(0)
            mark = footer_bytes(payload.section_id)
            if self.source.peek(end, FOOTER_SIZE) == mark:
                return end
            if self.said.footers is False and is_section_start(self.source, end):
                return end
        if self.said.footers is not False:
            found = find_footer(self.source, start, payload.section_id)
            if found is not None:
                return found
        # A writer may omit both (spec/format.md), so that this alone is no defect.
        legal = not self.said.footers and self.vmdescription is None
        raise (UnsupportedError if legal else FormatError)(
            f"payload of {payload.idstr or 'a section without START'!r}: neither the JSON"
            " description nor a footer shows its end",
            offset=start,
            path=f"{path}/payload",
        )

    def described_lengths(self) -> dict[tuple[str, int], list[int]]:
        """Payload lengths of devices in bytes, from the JSON text."""
        if self.lengths is None:
            self.vmdescription = vmdescription.find(self.source, self.position, self.position)
            document = self.vmdescription and self.vmdescription.document
            self.lengths = vmdescription.payload_lengths(document) if document else {}
        return self.lengths

    # The pages of a stream without mapped-ram.

    def page_index(self, path: str) -> PageIndex:
        """An index of the pages of all blocks."""
        lengths = {block.idstr: block.used_length for block in assemble.blocks(self.elements)}
        page_size = self.page_size(lengths, path)
        self.source.tell_cost("the stream has no mapped-ram: all is fetched to find its pages")
        taker = self.on_pages(self.result(None), page_size) if self.on_pages else None
        return PageIndex(self.source, page_size, lengths, taker=taker)

    def page_size(self, lengths: dict[str, int], path: str) -> int:
        """Page size in bytes from the stream, or the size that fits its first records."""
        bits = self.said.target_page_bits
        if bits is not None and bits < OFFSET_BITS and is_page_size(1 << bits):
            return 1 << bits
        self.described_lengths()
        document = self.vmdescription.document if self.vmdescription else None
        declared = document.get("page_size") if document else None
        if isinstance(declared, int) and is_page_size(declared):
            return declared
        # With too small a size, the bytes of a larger page soon look like a record or EOS.
        for sizes in (_USUAL_PAGE_SIZES, _SMALL_PAGE_SIZES):
            found = self.fitting_page_size(sizes, lengths, path)
            if found is not None:
                return found
        raise FormatError(
            "page record: no page size fits the records", offset=self.position, path=path
        )

    def fitting_page_size(
        self, sizes: Sequence[int], lengths: dict[str, int], path: str
    ) -> int | None:
        """The size that fits the first records best; of equal ones the first."""
        fits: list[tuple[Fit, int]] = []
        for page_size in sizes:
            try:
                fit = PageIndex(self.source, page_size, lengths).pass_some(self.position, path)
            except FormatError:
                continue
            if fit.whole and all(fit.reached > other.reached for other, _ in fits):
                return page_size
            fits.append((fit, page_size))
        return max(fits, key=lambda one: one[0].rank)[1] if fits else None
