"""Follow a stream along the declaration that a driver belongs to."""

from mappedram.format.drivers.base import Driver
from mappedram.io.source import Source
from mappedram.stream.model import Stream
from mappedram.stream.reader import parser
from mappedram.stream.reader.parser import OnPages

#: Bytes at the end of a file that usually hold all devices and the JSON text.
_TAIL = 512 << 10


def read_stream(
    source: Source, offset: int, driver: Driver, on_pages: OnPages | None = None
) -> Stream:
    """Follow the stream that begins at `offset`, along the declaration that `driver` belongs to.

    Reads headers and the JSON text. Bitmaps and pages are not read, except pages in records.

    Args:
        source: the file.
        offset: start of the stream.
        driver: reads single structures.
        on_pages: called before the first page record, if there is one and the declaration follows
            it; that of Kaitai does not.

    Raises:
        UnsupportedError: no QEMU migration stream begins there.
    """
    source.prefetch([(max(offset, source.size - _TAIL), source.size)])
    if driver.name == "kaitai":
        from mappedram.stream.reader import kaitai_walk

        return kaitai_walk.read_stream(source, offset, driver)
    return parser.read_stream(source, offset, driver, on_pages)
