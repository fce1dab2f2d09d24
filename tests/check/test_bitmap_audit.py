"""The pass over bitmaps and pages, against the same thing done page by page."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram.check import bitmap_audit as module
from mappedram.check.bitmap_audit import audit, first_nonzero
from mappedram.format.structures import MappedRamHeader
from mappedram.io.opening import open_source
from mappedram.stream import intervals
from mappedram.stream.bitmap import Bitmap
from tests.blocks import ram_block

PAGES = 300
PAGE_SIZE = 1024
#: Not a multiple of the page size, so that pages straddle the blocks of the file system.
BASE = 1536

numbers = st.sets(st.integers(0, PAGES - 1))


def pairs(pages: set[int]) -> list[tuple[int, int]]:
    starts = sorted(page for page in pages if page - 1 not in pages)
    stops = sorted(page + 1 for page in pages if page + 1 not in pages)
    return list(zip(starts, stops, strict=True))


@given(these=numbers, those=numbers)
def test_intervals_are_sets(these: set[int], those: set[int]) -> None:
    left, right = (intervals.from_pairs(iter(pairs(pages))) for pages in (these, those))
    both = intervals.intersection(left, right)
    assert {page for start, stop in both.tolist() for page in range(start, stop)} == these & those
    rest = intervals.complement(left, 0, PAGES)
    assert list(map(tuple, rest.tolist())) == pairs(set(range(PAGES)) - these)
    assert intervals.size(left) == len(these)


@pytest.fixture(scope="module", autouse=True)
def _small_steps() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STEP", 64)
        patch.setattr(module, "CHUNK", 4 * PAGE_SIZE)
        yield


@given(stored=numbers, filled=numbers, zeroed=numbers, cut=st.integers(0, 3000))
def test_audit(
    tmp_path_factory: pytest.TempPathFactory,
    stored: set[int],
    filled: set[int],
    zeroed: set[int],
    cut: int,
) -> None:
    path = tmp_path_factory.mktemp("audit") / "file"
    with path.open("wb") as file:
        file.truncate(BASE + PAGES * PAGE_SIZE)
        for page in zeroed:
            os.pwrite(file.fileno(), bytes(PAGE_SIZE), BASE + page * PAGE_SIZE)
        for page in filled:
            os.pwrite(file.fileno(), b"\1", BASE + (page + 1) * PAGE_SIZE - 1)
        file.truncate(BASE + PAGES * PAGE_SIZE - cut)
    filled = {page for page in filled if (page + 1) * PAGE_SIZE <= PAGES * PAGE_SIZE - cut}
    header: MappedRamHeader = {
        "version": 1,
        "page_size": PAGE_SIZE,
        "bitmap_offset": 1,
        "pages_offset": BASE,
    }
    block = ram_block("ram", PAGES * PAGE_SIZE, header, path="/ram/blocks[0]")
    with open_source(path) as source:
        found = audit(source, block, Bitmap.from_runs(pairs(stored), PAGES))
        places = {page: BASE + page * PAGE_SIZE for page in range(PAGES)}
        holes = {page for page, at in places.items() if not any(source.extents(at, at + PAGE_SIZE))}
    assert found.num_set == len(stored)
    assert (found.holes.count, found.holes.first) == tally(stored & holes)
    assert (found.stale.count, found.stale.first) == tally(filled - stored)


def tally(pages: set[int]) -> tuple[int, int | None]:
    return len(pages), min(pages, default=None)


@given(place=st.integers(0, 40_000), start=st.integers(0, 40_000), end=st.integers(0, 40_000))
def test_first_nonzero(
    tmp_path_factory: pytest.TempPathFactory, place: int, start: int, end: int
) -> None:
    path = tmp_path_factory.mktemp("padding") / "file"
    with path.open("wb") as file:
        os.pwrite(file.fileno(), b"\1", place)
    with open_source(path) as source:
        assert first_nonzero(source, start, end) == (place if start <= place < end else None)
