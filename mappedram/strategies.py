"""Hypothesis strategies for mapped-ram files: sound ones, ones with one defect, and their parts.

Needs `mappedram[fuzz]`. A test of another parser:

>>> from hypothesis import given
>>> from mappedram import strategies
>>> @given(strategies.broken("MR204"))
... def test_refuses_a_page_size_of_no_target(file):
...     with pytest.raises(my_parser.Error):
...         my_parser.parse(bytes(file))

Files are small unless told otherwise. Every file is a `SparseFile`: `bytes(file)` is all of it,
`file.opened()` gives a descriptor, and `file.offset` is where the stream begins.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar, get_args

import numpy as np  # noqa: F401 - not while the first example is timed
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mappedram.bitmap import Bitmap, ByteOrder
from mappedram.check import find
from mappedram.fuzz import generate
from mappedram.fuzz.cases import wild
from mappedram.fuzz.defects import BASE, CATALOGUE, NOT_BY_A_FILE
from mappedram.fuzz.generate import HUGE, SMALL, Limits
from mappedram.fuzz.sparse import SparseFile
from mappedram.fuzz.spec import DeviceSpec, RamSpec, SnapshotSpec

__all__ = [
    "HUGE",
    "SMALL",
    "DeviceSpec",
    "Limits",
    "RamSpec",
    "SnapshotSpec",
    "SparseFile",
    "bitmaps",
    "broken",
    "files",
    "mutated",
    "ramblocks",
    "snapshots",
    "streams",
]

_Value = TypeVar("_Value")
#: Bytes of an `unsigned long`, and the most runs of a drawn bitmap.
_WORD_SIZES, _BITMAP_RUNS = (4, 8), 8


def bitmaps(
    max_pages: int = 200, *, word_size: int = 8, byteorder: ByteOrder = "little"
) -> SearchStrategy[Bitmap]:
    """Bitmaps of blocks of 1 to `max_pages` pages; `bitmap.data` is what stands in a file.

    Raises:
        ValueError: no block has that many pages, or no host such words.
    """
    if max_pages < 1:
        raise ValueError(f"max_pages: expected at least 1, got {max_pages}")
    if word_size not in _WORD_SIZES or byteorder not in get_args(ByteOrder):
        raise ValueError(f"expected words of 4 or 8 bytes, got {word_size} {byteorder}")

    def of(rng: Random) -> Bitmap:
        num_pages = 1 + rng.randrange(max_pages)
        drawn = generate.runs(rng, num_pages, _BITMAP_RUNS, max_pages)
        return Bitmap.from_runs(drawn, num_pages, word_size, byteorder)

    return _drawn(of)


def ramblocks(limits: Limits = SMALL, *, idstr: str = "pc.ram") -> SearchStrategy[RamSpec]:
    """RAM blocks: how many pages they have, and which of these are stored.

    Raises:
        ValueError: no block has that name.
    """
    if not 1 <= len(idstr) <= 255 or max(idstr) > "\xff":
        raise ValueError(f"idstr: expected 1 to 255 bytes in ISO 8859-1, got {idstr!r}")
    return _drawn(lambda rng: generate.block(rng, limits, idstr))


def snapshots(limits: Limits = SMALL, *, align: int | None = None) -> SearchStrategy[SnapshotSpec]:
    """Sound snapshots as values; `spec.file()` is the file.

    Args:
        limits: how large and how varied; `HUGE` for 100 GiB that take kilobytes.
        align: what the pages of each block are aligned to. None for the size of a page, so that
            files take kilobytes; QEMU's writer uses 1 MiB.

    Raises:
        ValueError: `align` is no multiple of a page.
    """
    allowed = _aligned(limits, align)
    return _drawn(lambda rng: generate.snapshot(rng, allowed))


def files(limits: Limits = SMALL, *, align: int | None = None) -> SearchStrategy[SparseFile]:
    """Sound files. Arguments as for `snapshots`."""
    return snapshots(limits, align=align).map(SnapshotSpec.file)


def streams(limits: Limits = SMALL) -> SearchStrategy[SparseFile]:
    """Sound streams without mapped-ram: pages stand in records, one after the other."""
    return snapshots(limits).map(SnapshotSpec.stream)


def broken(
    rule: str, limits: Limits = BASE, *, align: int | None = None
) -> SearchStrategy[SparseFile]:
    """Files that break the rule with that code, and no other.

    A few rules cannot be broken alone; `mappedram.fuzz.defects.NOT_ALONE` says what comes with
    them and why.

    Args:
        rule: code of the rule, such as `MR204`; `mappedram explain` lists all.
        limits: how large the snapshot may be that the defect is put into.
        align: what the pages are aligned to. With 1 MiB, the default, nothing but the rule is
            broken, and files take kilobytes, but are a few MiB long. With less they are kilobytes
            long, and carry the note MR211.

    Raises:
        KeyError: there is no such rule.
        ValueError: no file breaks it.
    """
    code = find(rule).code
    if code in NOT_BY_A_FILE:
        raise ValueError(f"{code}: {NOT_BY_A_FILE[code]}")
    allowed = _aligned(limits, align)
    ways = CATALOGUE[code]
    return _drawn(lambda rng: rng.choice(ways).file(rng, allowed))


def mutated(
    limits: Limits = SMALL, *, align: int | None = None, most: int = 3
) -> SearchStrategy[SparseFile]:
    """Files in which up to `most` fields hold what a reader may not expect.

    Some of them are sound nonetheless.

    Raises:
        ValueError: `most` is less than 1.
    """
    if most < 1:
        raise ValueError(f"most: expected at least 1, got {most}")
    allowed = _aligned(limits, align)
    return _drawn(lambda rng: wild(rng, allowed, most).file)


def _aligned(limits: Limits, align: int | None) -> Limits:
    return limits if align is None else replace(limits, align=align)


def _drawn(make: Callable[[Random], _Value]) -> SearchStrategy[_Value]:
    """What `make` makes of a `Random` whose choices Hypothesis records and shrinks."""
    return st.randoms(use_true_random=False).map(make)
