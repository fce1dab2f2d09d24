"""Compare pages with a naive comparison in memory, for any layout of the two files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import Block, Snapshot
from mappedram.diff import PageDifferences, compare, compare_pages, pages
from mappedram.io import copying
from mappedram.stream.bitmap import Bitmap
from tests.files import memory_file
from tools.oracle import OracleBlock, OracleFile

KIB, MIB = 1 << 10, 1 << 20
#: Borders of windows and batches of the comparison, and the two ends.
EDGES = [0, pages.WINDOW, 3 * pages.WINDOW, 64 * MIB, 64 * MIB + pages.WINDOW, 65 * MIB]
#: The content of a page is its number here; 0 means zeros.
PLACES = [(edge + step * KIB) for edge in EDGES for step in (-64, -16, -4, -1, 0, 1, 4, 16, 63)]
INSIDE = sorted(place for place in PLACES if 0 <= place < EDGES[-1])


@dataclass
class Model:
    """One guest: contents of each non-zero KiB, and the layout of its file."""

    memory: dict[int, int]
    page_size: int
    align: int
    offset: int
    #: Places whose pages are stored even if they are zero.
    stored_too: set[int]
    #: Places with bytes in the file although their page is not stored.
    stale: set[int]

    @property
    def stored(self) -> set[int]:
        """Numbers of the stored pages."""
        places = {place for place, value in self.memory.items() if value} | self.stored_too
        return {place // self.page_size for place in places}

    def write(self, fd: int) -> None:
        runs = [(page, page + 1) for page in sorted(self.stored)]
        blocks = [OracleBlock("first", 4096 * 16), OracleBlock("pc.ram", EDGES[-1], runs)]
        OracleFile(blocks, page_size=self.page_size, align=self.align, offset=self.offset).write(fd)
        with mappedram.open(fd, self.offset) as snapshot:
            start = snapshot.block["pc.ram"].model.pages_offset or 0
        for place in self.stale:
            if place // self.page_size not in self.stored:
                os.pwrite(fd, b"stale", start + place)
        for place, value in self.memory.items():
            os.pwrite(fd, bytes([value]) * KIB, start + place)

    @contextmanager
    def opened(self) -> Iterator[Snapshot]:
        with memory_file() as fd:
            self.write(fd)
            with mappedram.open(fd, self.offset) as snapshot:
                yield snapshot


SOME_PLACES = st.sets(st.sampled_from(INSIDE), max_size=20)
CONTENTS = st.dictionaries(st.sampled_from(INSIDE), st.integers(0, 3), max_size=20)


def models(memory: dict[int, int]) -> st.SearchStrategy[Model]:
    """Guests that have `memory` except in a few places."""
    return st.builds(
        Model,
        st.dictionaries(st.sampled_from(INSIDE), st.integers(0, 3), max_size=3).map(
            lambda changes: memory | changes
        ),
        st.sampled_from([KIB, 4 * KIB, 64 * KIB]),
        st.sampled_from([64 * KIB, MIB]),
        st.sampled_from([0, 4665]),
        SOME_PLACES,
        SOME_PLACES,
    )


PAIRS = CONTENTS.flatmap(lambda memory: st.tuples(models(memory), models(memory)))


def naive(a: Model, b: Model) -> set[int]:
    """Offsets of differing pages."""
    page_size = min(a.page_size, b.page_size)
    return {
        place // page_size * page_size
        for place in {*a.memory, *b.memory}
        if a.memory.get(place, 0) != b.memory.get(place, 0)
    }


def offsets(found: PageDifferences) -> set[int]:
    return {
        offset
        for start, stop in found.runs().tolist()
        for offset in range(start, stop, found.page_size)
    }


class Elsewhere:
    """A block of a file with another layout: only the common interface of blocks."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self.idstr = block.idstr
        self.used_length = block.used_length
        self.page_size = block.page_size
        self.bitmap: Bitmap = block.bitmap

    def read(self, offset: int, size: int) -> bytes:
        return self._block.read(offset, size)


@given(PAIRS, st.sampled_from([1, 3]))
def test_differences_are_those_in_memory(pair: tuple[Model, Model], channels: int) -> None:
    expected = naive(*pair)
    with pair[0].opened() as a, pair[1].opened() as b:
        found = compare(a, b, channels=channels)
        assert found.trouble == ()
        assert [block.idstr for block in found.pages] == ["first", "pc.ram"]
        assert not found.pages[0].differing.any()
        assert offsets(found.pages[1]) == expected
        assert found.pages[1].count() == len(expected)
        other = Elsewhere(b.block["pc.ram"])
        assert offsets(compare_pages(a.block["pc.ram"], other)) == expected


@given(PAIRS)
def test_no_more_is_read_than_is_stored(pair: tuple[Model, Model]) -> None:
    """Except for gaps that take less time than a system call."""
    reads: list[tuple[int, int]] = []

    def read_fully(source: Any, view: memoryview, offset: int) -> None:
        reads.append((offset, offset + len(view)))
        real(source, view, offset)

    real = copying.read_fully
    with pytest.MonkeyPatch.context() as patch, pair[0].opened() as a, pair[1].opened() as b:
        patch.setattr(pages, "read_fully", read_fully)
        one, other = a.block["pc.ram"], b.block["pc.ram"]
        compare_pages(one, other)
        stored = one.bitmap.count() * one.page_size + other.bitmap.count() * other.page_size
        pieces = len(one.runs()) + len(other.runs())
    assert sum(end - start for start, end in reads) <= stored + pieces * (16 << 10)


def test_progress_comes_to_the_end() -> None:
    model = Model({0: 1}, 4096, MIB, 0, set(), set())
    done: list[int] = []
    with model.opened() as a, model.opened() as b:
        compare(a, b, progress=done.append)
    assert sum(done) == EDGES[-1] + 4096 * 16
