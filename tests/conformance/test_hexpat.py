"""The pattern for ImHex finds every field where Construct does, in an interpreter of our own."""

from itertools import takewhile

import pytest

from mappedram import open as open_snapshot
from mappedram.format.constants import SectionType
from mappedram.stream.model import Section
from tests.conformance import vectors
from tests.conformance.hexpat import Pattern
from tests.conftest import UNFINISHED, Fixtures
from tools.generate import imhex

#: Real files whose stream begins with the file, and vectors that are not refused.
NAMES = [name for name in vectors.FIXTURES if name not in {"offset-unaligned", *UNFINISHED}]
NAMES += ["small", "addr", "no_blocks", "many_blocks", "many_sections", "no_footers", "latin1"]
NAMES += ["beyond_4_gib", "beyond_2_gib", "ends_at_4_gib", "ends_at_2_53", "page_size_zero"]


def is_followed(section: Section) -> bool:
    return section.type == SectionType.COMMAND or (
        section.type != SectionType.FULL and section.idstr == "ram"
    )


@pytest.mark.parametrize("name", NAMES)
def test_same_fields(name: str, fixtures: Fixtures) -> None:
    text = imhex.TARGET.read_text(encoding="utf-8")
    with (
        vectors.open_vector(fixtures, name) as (fd, offset),
        open_snapshot(fd, offset, partial=True) as snapshot,
    ):
        end = max(section.end for section in takewhile(is_followed, snapshot.sections))
        expected = {
            (
                span.path.rpartition("/")[2].partition("[")[0],
                element.offset + span.start,
                span.end - span.start,
            )
            for element in snapshot.stream.elements
            if element.offset < end
            for span in snapshot.fields(element)
            if span.end > span.start
        }
        bitmaps = {
            ("bitmap", block.bitmap_offset, block.bitmap_size)
            for block in snapshot.stream.blocks
            if block.bitmap_offset is not None and block.bitmap_size
        }
        assert set(Pattern(text, fd).found) == expected | bitmaps
