"""Open a snapshot: in a file of its own, compressed, or in a libvirt save image."""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mappedram.errors import FormatError
from mappedram.format.drivers import DriverName
from mappedram.io.opening import Openable, reading
from mappedram.io.source import Source
from mappedram.stream.compressed import Packing, detect_compressed, open_stream
from mappedram.stream.libvirt.header import LibvirtImage, detect
from mappedram.stream.regions import Region
from mappedram.stream.snapshot import OnPages, OpenSnapshot, open_snapshot


@contextmanager
def open_any(
    file: Openable | Source | OpenSnapshot,
    offset: int = 0,
    *,
    driver: DriverName = "construct",
    partial: bool = False,
    limit: int | None = None,
    on_damage: Callable[[FormatError], None] | None = None,
    on_pages: OnPages | None = None,
    memory: Mapping[str, Openable] | None = None,
) -> Iterator[tuple[OpenSnapshot, LibvirtImage | None]]:
    """Open a snapshot, and the save image around it if there is one, until the block ends.

    A compressed stream, bare or in an image, is decompressed first; `source.compression` of the
    snapshot says how it was compressed.

    Args:
        file: as for `open_source`; or an open source or snapshot, which stays open. A snapshot is
            returned as it is, and the other arguments are ignored.
        offset: start of the stream, compressed or not, or of the save image.
        driver: `construct` or `kaitai`.
        partial: as for `mappedram.open`.
        limit: as for `open_stream`.
        on_damage: as for `open_stream`.
        on_pages: as for `mappedram.open`.
        memory: as for `mappedram.open`.

    Raises:
        MappedRamError: as `detect`, `detect_compressed`, `open_stream` and `mappedram.open` do.
        OSError: the file cannot be opened or read.
    """
    if isinstance(file, OpenSnapshot):
        yield file, None
        return
    opening = functools.partial(
        open_snapshot, driver=driver, partial=partial, on_pages=on_pages, memory=memory
    )
    with reading(file) as source:
        image = detect(source, offset, driver=driver)
        packing: Packing | None = image or detect_compressed(source, offset)
        if packing is None:
            with opening(source, offset) as snapshot:
                yield snapshot, None
            return
        with (
            open_stream(source, packing, limit=limit, on_damage=on_damage) as (stream, begin),
            opening(stream, begin) as snapshot,
        ):
            yield snapshot, image


def regions_of(snapshot: OpenSnapshot, image: LibvirtImage | None) -> list[Region]:
    """Partition the file into named regions, including those of the image.

    For a compressed image, these are the regions of the decompressed stream.
    """
    regions = snapshot.regions()
    if image is None or image.compressed or image.header.offset or not regions:
        return regions
    first, *others = regions
    if (first.kind, first.end) != ("gap", image.stream_offset):
        return regions  # an offset of a block points into the image; show that
    return [*image.regions(), *others]
