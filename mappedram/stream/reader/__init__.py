"""Parse any supported file into `mappedram.stream.model.Stream`.

The reader is lenient: it stops only where the place of the next byte is unknown, and keeps
everything before it. Permitted values belong in `check`, and the order of structures in
`format/file`.
"""

from mappedram.format.drivers.base import Driver
from mappedram.io.source import Source
from mappedram.stream.model import Stream
from mappedram.stream.reader import parser
from mappedram.stream.reader.parser import OnPages, read_values
from mappedram.stream.reader.records import PageTaker

__all__ = ["PageTaker", "read_stream", "read_values"]


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
    if driver.name == "kaitai":
        from mappedram.stream.reader import kaitai_walk

        return kaitai_walk.read_stream(source, offset, driver)
    return parser.read_stream(source, offset, driver, on_pages)
