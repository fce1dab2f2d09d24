"""Parse -> build: rewrite a file structure by structure, or compare it with its rebuilt form.

A driver builds the structures from their values. Bitmaps, pages, payloads and gaps are copied, and
holes stay holes. Changed fields of devices get their new values.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import islice, takewhile
from typing import NamedTuple, cast

from mappedram.errors import BuildError, UnsupportedError
from mappedram.format import ELEMENTS, file
from mappedram.format.arithmetic import round_up
from mappedram.format.complete import complete, lengths
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT, RAM_SAVE_FLAG_MEM_SIZE
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said
from mappedram.format.structures import MEM_SIZE, RAMBLOCK_HEADER, VMDESCRIPTION
from mappedram.format.typed import Fields
from mappedram.io import system
from mappedram.io.copying import WriteTarget, copy_data
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream, is_kind, of_kind
from mappedram.stream.reader import read_stream, read_values
from mappedram.stream.regions import regions
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer.build import Built


def rebuild(snapshot: OpenSnapshot, target: int, driver: Driver | None = None) -> None:
    """Rewrite the file of `snapshot` into the empty file `target`.

    Args:
        snapshot: the snapshot to write.
        target: descriptor of an empty seekable file, open for writing.
        driver: builds the structures; the driver that read them if not given.

    Raises:
        BuildError: a structure cannot be built.
        TruncatedError: the source has shrunk meanwhile.
        OSError: reading or writing failed.
    """
    driver = driver or snapshot.driver
    system.begin(target, 0, snapshot.stream.file_size, *snapshot.source.descriptors)
    for region in snapshot.regions():
        if region.element:
            element = region.element
            data = driver.build(element.kind, element.values, element.params)
            system.write(target, data, region.offset)
        else:
            copy_data(snapshot.source, region.offset, region.end, WriteTarget(target))
    system.end_at(target, snapshot.stream.file_size)
    for offset, data in snapshot.changes:
        system.write(target, data, offset)


class Mismatch(NamedTuple):
    """First difference between a file and its rebuilt form.

    Attributes:
        offset: the first byte of the file that differs, or the first structure at another place.
        path: path of the field or structure with that byte.
        expected: the rebuilt value, in words.
        actual: the value in the file, in words.
    """

    offset: int
    path: str
    expected: str
    actual: str


class Compared(NamedTuple):
    """How much of a file was rebuilt from its values and so compared, in bytes.

    Attributes:
        rebuilt: bytes of structures.
        passed: bytes of everything else, by kind of region (`mappedram.stream.regions`).
        end: first byte of the stream that the declaration does not follow; None if it follows it to
            its end.
    """

    rebuilt: int
    passed: Mapping[str, int]
    end: int | None = None


def compare(
    source: Source, offset: int, driver: Driver, beside: range = range(0)
) -> Mismatch | Compared:
    """Rebuild the stream from its own values, and compare it with the file.

    Lengths and sums are derived. Offsets are, too, if all pages are aligned to one power of two.
    Payloads of devices, bitmaps, padding, pages and the JSON text are not compared.

    Args:
        source: the file.
        offset: start of the stream.
        driver: its declaration reads the stream and builds it again.
        beside: bytes of the file, outside the stream, that the caller compares.

    Returns:
        The first difference; or else how much was compared.

    Raises:
        BuildError: the stream cannot be followed to its end, or not be rebuilt from its values.
        UnsupportedError: no QEMU migration stream begins there.
    """
    if driver.name == "kaitai":
        stream = read_stream(source, offset, driver)
        return _structure_by_structure(source, stream, driver, beside)
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


def _structure_by_structure(
    source: Source, stream: Stream, driver: Driver, beside: range
) -> Mismatch | Compared:
    """Build each structure at the place that the walk found, without a declaration of the file.

    Bytes that the walk does not follow are not compared.
    """
    stopped = stream.stopped
    if stopped and not isinstance(stopped, UnsupportedError):
        raise BuildError(str(stopped))
    end = stream.end if stopped else None
    derived = _Derived(stream)
    for number, element in enumerate(stream.elements):
        data = driver.build(element.kind, derived.values(number), element.params)
        actual = source.read(element.offset, element.length)
        if data != actual:
            return differing(element, data, actual)
    return _coverage(stream, beside)._replace(end=end)


class _Derived:
    """Values of structures at known places; values that depend on others are derived."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._elements = stream.elements
        self._align = stream.alignment
        self._areas = {area.path: area for area in stream.areas}

    def values(self, number: int) -> Fields:
        """The values of a structure."""
        element = self._elements[number]
        if self._align is None:
            return element.fields
        declaration = ELEMENTS[element.kind]
        told = lengths(declaration)
        given = {name: value for name, value in element.fields.items() if name not in told}
        return complete(declaration, given | {**self._following(element, number)})

    def _following(self, element: Element[object], number: int) -> Fields:
        """Values that follow from other structures and from places."""
        if is_kind(element, MEM_SIZE):
            behind = islice(self._elements, number + 1, None)
            blocks = takewhile(lambda one: one.kind == RAMBLOCK_HEADER, behind)
            total = sum(block.values["used_length"] for block in of_kind(blocks, RAMBLOCK_HEADER))
            return {"total_and_flags": total | RAM_SAVE_FLAG_MEM_SIZE}
        if is_kind(element, RAMBLOCK_HEADER):
            mapped = element.values.get("mapped_ram")
            if mapped and (mapped["bitmap_offset"] or mapped["pages_offset"]):
                return {"mapped_ram": {**cast("Fields", mapped), **self._places(element)}}
        if is_kind(element, VMDESCRIPTION) and self._stream.vmdescription:
            return {"vmdesc_len": self._stream.vmdescription.length}
        return {}

    def _places(self, header: Element[object]) -> Fields:
        """Default offsets: the bitmap directly after the header, the pages at the next boundary."""
        assert self._align is not None
        bitmap = self._areas.get(f"{header.path}/bitmap")
        end = header.end + (bitmap.length if bitmap else 0)
        return {"bitmap_offset": header.end, "pages_offset": round_up(end, self._align)}


def _coverage(stream: Stream, beside: range) -> Compared:
    sizes: Counter[str] = Counter()
    for region in regions(stream):
        common = min(region.end, beside.stop) - max(region.offset, beside.start)
        built = max(0, common) if region.element is None else region.length
        sizes["element"] += built
        sizes[region.kind] += region.length - built
    return Compared(sizes.pop("element"), {kind: size for kind, size in sizes.items() if size})


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
    """The first difference between the bytes of a structure and those of the file."""
    pairs = enumerate(zip(data, actual, strict=False))
    index = next((at for at, (one, other) in pairs if one != other), min(len(data), len(actual)))
    here = slice(index, index + 8)
    return Mismatch(
        element.offset + index, element.path, data[here].hex(" "), actual[here].hex(" ")
    )
