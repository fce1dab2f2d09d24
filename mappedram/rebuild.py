"""Parse -> build: a file written again, structure by structure, or compared with what is built.

The structures are built from their values by a driver; bitmaps, pages, payloads and what lies
between are copied, and holes stay holes. Fields of devices have the values they were given.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from mappedram import system
from mappedram.drivers.base import Driver
from mappedram.errors import BuildError
from mappedram.layout import file
from mappedram.layout.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.layout.grammar import Said
from mappedram.model import Element, Stream
from mappedram.pageio import Target, copy_data
from mappedram.reader import read_values
from mappedram.regions import regions
from mappedram.snapshot import Snapshot
from mappedram.source import Source
from mappedram.writer.build import Built


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
            data = driver.build(element.kind, dict(element.values), dict(element.params))
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


class Coverage(NamedTuple):
    """How much of a file was built of its values, and so compared; in bytes.

    Attributes:
        rebuilt: of structures.
        passed: of everything else, by the kind of region (`mappedram.regions`).
    """

    rebuilt: int
    passed: Mapping[str, int]


def compare(
    source: Source, offset: int, driver: Driver, beside: range = range(0)
) -> Mismatch | Coverage:
    """Build the stream of its own values, and compare it with the file.

    Lengths and sums are derived, and so are offsets, where all pages are aligned to one power of
    two. What is only passed over (payloads of devices, bitmaps, padding, pages, the JSON text) is
    not compared.

    Args:
        source: the file.
        offset: where the stream begins.
        driver: what reads the structures and builds them again.
        beside: bytes of the file, outside the stream, that the caller compares.

    Returns:
        Where they differ first; or else how much was compared.

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
    return _first_difference(source, stream, built) or _coverage(stream, beside)


def _coverage(stream: Stream, beside: range) -> Coverage:
    sizes: Counter[str] = Counter()
    for region in regions(stream):
        common = min(region.end, beside.stop) - max(region.offset, beside.start)
        built = max(0, common) if region.element is None else region.length
        sizes["element"] += built
        sizes[region.kind] += region.length - built
    return Coverage(sizes.pop("element"), {kind: size for kind, size in sizes.items() if size})


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


def differing(element: Element, data: bytes, actual: bytes) -> Mismatch:
    """Where the bytes of a structure differ first from those of the file."""
    pairs = enumerate(zip(data, actual, strict=False))
    index = next((at for at, (one, other) in pairs if one != other), min(len(data), len(actual)))
    here = slice(index, index + 8)
    return Mismatch(
        element.offset + index, element.path, data[here].hex(" "), actual[here].hex(" ")
    )
