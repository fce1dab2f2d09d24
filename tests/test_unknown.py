"""What a file does not tell is unknown: cut anywhere, it gives right pages or none."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import mappedram
from mappedram import Snapshot, UnknownPagesError
from mappedram.cli.main import main
from mappedram.container import open_any
from mappedram.errors import MappedRamError
from mappedram.snapshot import Block
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, patch

if TYPE_CHECKING:
    from mappedram.bitmap import Runs

#: Structures that a reader relies on before it comes to the first page.
HEADERS = {"mem_size", "ramblock_header"}


@lru_cache(2)
def memory(path: Path, offset: int) -> dict[str, tuple[bytes, "Runs"]]:
    """What the whole file tells: the bytes of each block, and which of them are known."""
    with open_any(path, offset, partial=True) as (snapshot, _):
        return {
            block.idstr: (block.read(0, block.used_length, partial=True), known(block))
            for block in snapshot.blocks
        }


def known(block: Block) -> "Runs":
    return block.coverage.known(0, block.used_length)


def wrong(snapshot: Snapshot, whole: dict[str, tuple[bytes, "Runs"]]) -> Iterator[str]:
    """The ranges that are read without an error and are not those of the whole file."""
    for block in snapshot.blocks:
        if block.idstr not in whole:
            continue  # its name was changed, and it has no pages to be wrong
        original, _ = whole[block.idstr]
        for start, end in known(block).tolist():
            try:
                data = block.read(start, end - start)
            except UnknownPagesError:
                raise
            except MappedRamError:
                continue
            if data != original[start:end]:
                yield f"{block.idstr} {start:#x}-{end:#x}"


def cut(path: Path, directory: Path, size: int) -> Path:
    target = copy_sparse(path, directory / path.name)
    with target.open("r+b") as stream:
        stream.truncate(size)
    return target


def places(path: Path, offset: int) -> list[int]:
    """Where structures, bitmaps and page areas begin and end."""
    with open_any(path, offset, partial=True) as (snapshot, _):
        return sorted(
            {edge for region in snapshot.regions() for edge in (region.offset, region.end)}
        )


def near(edges: list[int], size: int) -> st.SearchStrategy[int]:
    """Sizes of a cut file: anything, and around what is worth being cut."""
    around = st.builds(
        lambda edge, shift: min(max(edge + shift, 0), size),
        st.sampled_from(edges),
        st.integers(-9, 9),
    )
    return st.one_of(st.integers(0, size), around)


@pytest.mark.parametrize("name", manifest())
def test_a_cut_file_gives_right_pages_or_none(
    fixtures: Fixtures, tmp_path: Path, name: str
) -> None:
    fixture = fixtures[name]
    whole = memory(fixture.path, fixture.offset)
    size = fixture.path.stat().st_size

    @settings(max_examples=20)
    @given(near(places(fixture.path, fixture.offset), size))
    def check(length: int) -> None:
        path = cut(fixture.path, tmp_path, length)
        try:
            snapshot = mappedram.open(path, fixture.offset, partial=True)
        except MappedRamError:
            return
        with snapshot:
            assert list(wrong(snapshot, whole)) == []
            for block in snapshot.blocks:
                for lacking in block.coverage.unknown:
                    start, end = lacking.ranges[0].tolist()
                    with pytest.raises(UnknownPagesError) as caught:
                        block.read(start, min(end - start, 1 << 20))
                    assert caught.value.ranges[0].offset == start
                    assert len(block.read(start, 1, partial=True)) == 1

    check()


@pytest.mark.parametrize("name", manifest())
def test_a_file_with_another_byte_in_a_header_gives_right_pages_or_none(
    fixtures: Fixtures, tmp_path: Path, name: str
) -> None:
    fixture = fixtures[name]
    whole = memory(fixture.path, fixture.offset)
    path = copy_sparse(fixture.path, tmp_path / fixture.path.name)
    with mappedram.open(path, fixture.offset, partial=True) as snapshot:
        spans = [
            (element.offset, element.length)
            for element in snapshot.stream.elements
            if element.kind in HEADERS
        ]
    offsets = [offset + index for offset, length in spans for index in range(length)]

    @settings(max_examples=60)
    @given(st.sampled_from(offsets), st.integers(1, 255))
    def check(offset: int, change: int) -> None:
        with path.open("rb") as stream:
            stream.seek(offset)
            before = stream.read(1)
        patch(path, offset, bytes([before[0] ^ change]))
        try:
            with mappedram.open(path, fixture.offset, partial=True) as snapshot:
                found = list(wrong(snapshot, whole))
        except MappedRamError:
            found = []
        finally:
            patch(path, offset, before)
        assert found == []

    check()
