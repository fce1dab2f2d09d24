"""The public strategies draw what they promise, and shrink."""

import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, find, given, settings
from hypothesis import strategies as st

import mappedram
from mappedram import strategies
from mappedram.check import RULES, check
from mappedram.errors import MappedRamError
from mappedram.fuzz.defects import ALIGNMENT_NOTE, CATALOGUE, NOT_BY_A_FILE
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.stream.bitmap import Bitmap
from tests.fuzz.test_defects import expected
from tests.fuzz.test_generate import NOTES, codes

FEW = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("code", CATALOGUE)
@FEW
@given(data=st.data())
def test_broken(code: str, data: st.DataObject) -> None:
    """Hypothesis searches for a file that breaks another rule, too, and finds none."""
    assert codes(data.draw(strategies.broken(code))) == expected(code)


@FEW
@given(strategies.broken("MR206", align=4096))
def test_broken_and_small(file: SparseFile) -> None:
    assert codes(file) == {"MR206", ALIGNMENT_NOTE}
    assert file.size < 2 << 20


#: Only the header of its block tells the page size, and it is behind `addr`.
_SHARED = SnapshotSpec(
    "none",
    page_size=1024,
    blocks=(RamSpec("pc.ram", 1, ((0, 1),)),),
    align=1024,
    capabilities=("x-ignore-shared", "mapped-ram"),
    parts=0,
    description=False,
)


@example(_SHARED)
@given(strategies.snapshots())
def test_snapshots(spec: SnapshotSpec) -> None:
    assert codes(spec.file()) <= NOTES


@given(strategies.files(align=1 << 16))
def test_files(file: SparseFile) -> None:
    with file.opened() as fd, mappedram.open(fd, file.offset) as snapshot:
        for block in snapshot.stream.blocks:
            assert block.pages_offset is None or block.pages_offset % (1 << 16) == 0


@given(strategies.streams())
def test_streams(file: SparseFile) -> None:
    assert "MR012" in codes(file)


@FEW
@given(strategies.snapshots(strategies.HUGE))
def test_huge(spec: SnapshotSpec) -> None:
    assert spec.file().stored < 4 << 20


@given(strategies.ramblocks())
def test_ramblocks(block: RamSpec) -> None:
    edges = [edge for run in block.runs for edge in run]
    assert edges == sorted(set(edges))
    assert not edges or edges[-1] <= block.num_pages


@given(strategies.bitmaps(100, word_size=4, byteorder="big"))
def test_bitmaps(bitmap: Bitmap) -> None:
    assert len(bitmap.data) % 4 == 0
    assert bitmap.count_beyond() == 0
    bits = int.from_bytes(b"".join(words(bytes(bitmap.data))), "little")
    stored = {page for start, stop in bitmap.runs().tolist() for page in range(start, stop)}
    assert stored == {page for page in range(bitmap.num_pages) if bits >> page & 1}


def words(data: bytes) -> list[bytes]:
    """Reverse the bytes of each word of four bytes."""
    return [data[at : at + 4][::-1] for at in range(0, len(data), 4)]


@given(strategies.mutated())
def test_mutated(file: SparseFile) -> None:
    """Our own reader returns a value, or raises an error of its own."""
    with file.opened() as fd, suppress(MappedRamError):
        check(fd, file.offset)
        mappedram.open(fd, file.offset).close()


def test_examples_shrink_to_the_plainest() -> None:
    spec = find(strategies.snapshots(), lambda spec: len(spec.blocks) > 1)
    assert len(spec.blocks) == 2
    assert (spec.devices, spec.offset, spec.uuid) == ((), 0, None)
    assert all(block.num_pages == 1 for block in spec.blocks)


def test_rules_that_no_file_breaks() -> None:
    for code in NOT_BY_A_FILE:
        with pytest.raises(ValueError, match=re.escape(code)):
            strategies.broken(code)
    with pytest.raises(KeyError):
        strategies.broken("MR999")
    assert RULES.keys() - NOT_BY_A_FILE.keys() == CATALOGUE.keys()


def test_page_sizes_that_cannot_be_aligned() -> None:
    """An alignment below the page size means the page size: no other file is possible."""
    limits = strategies.Limits(page_sizes=(65536,))
    spec = find(strategies.snapshots(limits, align=4096), lambda _: True)
    assert spec.align == 65536
