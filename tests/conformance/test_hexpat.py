"""The pattern for ImHex finds every field where Construct does, in an interpreter of our own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mappedram import open as open_snapshot
from mappedram.stream.snapshot import OpenSnapshot
from tests.conformance import vectors
from tests.conformance.hexpat import Pattern
from tests.conformance.reading import expected
from tests.conformance.shared import PATH
from tests.conftest import UNFINISHED, Fixtures
from tests.files import memory_file
from tools.generate import imhex

#: Vectors that the pattern gets wrong, with the reasons.
LIMITS = {
    "capabilities_replaced": "names of capabilities are looked for, wherever they stand",
    "number_taken": "PART and END with the number of RAM are taken for RAM",
    "host_page_size": "the page size of the host is not looked for",
    "plain_without_configuration": "without a configuration, mapped-ram is taken for granted",
    "bitmap_behind_the_end": "a bitmap has to be in the file",
    "bitmap_top_bit": "a bitmap has to be in the file",
}
#: Real files whose stream begins at offset 0.
NAMES = [name for name in vectors.FIXTURES if name not in {"offset-unaligned", *UNFINISHED}]


def accepted() -> Iterator[str]:
    """Vectors whose stream begins at offset 0, and that are not refused."""
    for line in PATH.read_text(encoding="utf-8").splitlines():
        vector = json.loads(line)
        if vector["expected"]["verdict"] == "accepted" and vector["offset"] == 0:
            yield vector["name"]


NAMES += [name for name in accepted() if name in vectors.VECTORS and name not in LIMITS]
#: Structures that Kaitai Struct does not walk through: records of live devices and of pages.
INSIDE = {"dirty_bitmap_chunk", "htab_header", "htab_chunk", "storage_attributes", "vfio_record"}
INSIDE |= {"page_record"}
#: The type bytes of commands and of the description.
COMMAND, VMDESCRIPTION = 8, 6

Place = tuple[str, int, int]


def fields(snapshot: OpenSnapshot, end: int) -> Iterator[Place]:
    """Name, offset and length of each field of the structures before `end`, by Construct."""
    for element in snapshot.stream.elements:
        if element.offset >= end or element.kind in INSIDE:
            continue
        for span in snapshot.fields(element):
            if span.end > span.start:
                name = span.path.rpartition("/")[2].partition("[")[0]
                yield name, element.offset + span.start, span.end - span.start


def payloads(sections: list[dict[str, Any]]) -> Iterator[Place]:
    """Payloads of sections other than RAM, as a parser of Kaitai Struct must find them."""
    names = {COMMAND: "packaged", VMDESCRIPTION: "json"}
    for section in sections:
        place = section["payload"]
        if place and place[1] and not section["records"]:
            yield names.get(section["header"]["section_type"], "payload"), *place


@pytest.mark.parametrize("name", NAMES)
def test_same_fields(name: str, fixtures: Fixtures) -> None:
    text = imhex.TARGET.read_text(encoding="utf-8")
    with (
        vectors.open_vector(fixtures, name) as (fd, offset),
        open_snapshot(fd, offset, partial=True) as snapshot,
    ):
        reading = expected(fd, offset).reading
        bitmaps = {
            ("bitmap", block.bitmap_offset, block.bitmap_size)
            for block in snapshot.stream.blocks
            if block.bitmap_offset is not None and block.bitmap_size
        }
        wanted = {*fields(snapshot, reading["rest"]), *payloads(reading["sections"]), *bitmaps}
        assert set(Pattern(text, fd).found) == wanted


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_limits(name: str, fixtures: Fixtures) -> None:
    """A vector that works must be removed from the list, and from the page."""
    assert name in set(accepted())
    with pytest.raises((AssertionError, EOFError, OverflowError)):
        test_same_fields(name, fixtures)


def run(pattern: str, data: bytes) -> dict[str, int]:
    """The places of the fields that a pattern finds in a file."""
    with memory_file(data) as fd:
        return {name: place for name, place, _ in Pattern(pattern, fd).found}


def test_numbers_are_read_in_the_order_of_the_host_unless_told_otherwise() -> None:
    read = "std::mem::read_unsigned(0, 2%s)"
    for order, place in (("", 0x0200), (", std::mem::Endian::Big", 2)):
        pattern = f"struct A {{ $ = {read % order}; u8 found; }}; A a @ 0;"
        assert run(pattern, b"\0\2" + bytes(0x300))["found"] == place


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (0, 16, 3),
        (3, 16, 3),
        (4, 16, None),
        (0, 6, 3),
        (0, 5, None),  # bytes at the very end of the range are not found
        (3, 0, 3),  # an end before the start means the end of the file
    ],
)
def test_where_a_sequence_is_found(start: int, end: int, place: int | None) -> None:
    find = f"std::mem::find_sequence_in_range(0, {start}, {end}, 1, 2)"
    body = f"u128 found = {find}; if (found < std::mem::size()) {{ $ = found; u8 here; }}"
    assert run(f"struct A {{ {body} }}; A a @ 0;", b"\0\0\0\1\2" + bytes(11)).get("here") == place
