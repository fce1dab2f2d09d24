"""Parse -> build: a file written again, structure by structure, or compared with what is built.

The structures are built from their values by a driver; bitmaps, pages, payloads and what lies
between are copied, and holes stay holes. Fields of devices have the values they were given.
"""

from typing import NamedTuple

from mappedram.errors import BuildError
from mappedram.format import file
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said
from mappedram.io import system
from mappedram.io.copying import Target, copy_data
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream
from mappedram.stream.reader import read_values
from mappedram.stream.snapshot import Snapshot
from mappedram.stream.writer.build import Built


def rebuild(snapshot: Snapshot, target: int, driver: Driver | None = None) -> None:
    """Write the file of `snapshot` again, into the empty file open as `target`.

    Args:
        snapshot: what to write.
        target: descriptor of an empty seekable file, open for writing.
        driver: what builds the structures; the one that read them, if not given.

    Raises:
        BuildError: a structure cannot be built.
        TruncatedError: the source has shrunk meanwhile.
        OSError: reading or writing failed.
    """
    driver = driver or snapshot.driver
    system.begin(target, 0, snapshot.stream.file_size, snapshot.source.fd)
    for region in snapshot.regions():
        if region.element:
            element = region.element
            data = driver.build(element.kind, element.values, element.params)
            system.write(target, data, region.offset)
        else:
            copy_data(snapshot.source, region.offset, region.end, Target(target))
    system.end_at(target, snapshot.stream.file_size)
    for offset, data in snapshot.changes:
        system.write(target, data, offset)


class Mismatch(NamedTuple):
    """Where a file and what was built of its values differ first.

    Attributes:
        offset: the first byte of the file that differs, or the first structure that stands
            elsewhere.
        path: whose that byte is.
        expected: what was built, in words.
        actual: what the file has, in words.
    """

    offset: int
    path: str
    expected: str
    actual: str


def mismatch(source: Source, offset: int, driver: Driver) -> Mismatch | None:
    """Build the stream of its own values, and compare it with the file; None if it is the same.

    Lengths and sums are derived, and so are offsets, where all pages are aligned to one power of
    two. What is only passed over (payloads of devices, bitmaps, pages) is not compared.

    Args:
        source: the file.
        offset: where the stream begins.
        driver: what reads the structures and builds them again.

    Raises:
        BuildError: the stream cannot be followed to its end, or not be built of its values.
        UnsupportedError: no QEMU migration stream begins there.
    """
    stream, values = read_values(source, offset, driver)
    if values is None:
        raise BuildError(str(stream.stopped))
    align = stream.alignment
    built = Built(
        driver,
        offset,
        said=Said(mapped_ram=stream.mapped_ram),
        align=align or MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
        derives=align is not None,
    )
    built.add(file.Stream, values)
    return _first_difference(source, stream, built)


def _first_difference(source: Source, stream: Stream, built: Built) -> Mismatch | None:
    for mine, found, (offset, data) in zip(
        built.elements, stream.elements, built.pieces, strict=True
    ):
        if offset != found.offset:
            return Mismatch(found.offset, found.path, f"at {offset:#x}", f"at {found.offset:#x}")
        actual = source.read(offset, found.length)
        if data != actual:
            return differing(mine, data, actual)
    return None


def differing(element: Element[object], data: bytes, actual: bytes) -> Mismatch:
    """Where the bytes of a structure differ first from those of the file."""
    pairs = enumerate(zip(data, actual, strict=False))
    index = next((at for at, (one, other) in pairs if one != other), min(len(data), len(actual)))
    here = slice(index, index + 8)
    return Mismatch(
        element.offset + index, element.path, data[here].hex(" "), actual[here].hex(" ")
    )
