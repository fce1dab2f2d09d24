"""Hypothesis strategies for mapped-ram files: sound ones, ones with one defect, and their parts.

Needs `mappedram[fuzz]`. A test of another parser:

>>> from hypothesis import given
>>> from mappedram import strategies
>>> @given(strategies.broken("MR204"))
... def test_refuses_a_page_size_of_no_target(file):
...     with pytest.raises(my_parser.Error):
...         my_parser.parse(bytes(file))

No strategy raises while it draws. Should a generator fail nevertheless, which is a defect of this
package, the example is rejected, a `DrawingFaultWarning` says how to draw it again (`again`), and
`faults` counts it; the test goes on.

Files are small unless told otherwise. Every file is a `SparseFile`: `bytes(file)` is all of it,
`file.opened()` gives a descriptor, and `file.offset` is where the stream begins.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, TypeVar, get_args
from weakref import WeakKeyDictionary

import numpy as np  # noqa: F401 - not while the first example is timed
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.strategies import SearchStrategy

from mappedram.check import find
from mappedram.fuzz import generate
from mappedram.fuzz.cases import wild
from mappedram.fuzz.defects import BASE, CATALOGUE, NOT_BY_A_FILE
from mappedram.fuzz.faults import Drawing, Fault, Faults, attempt
from mappedram.fuzz.generate import HUGE, SMALL, Limits
from mappedram.fuzz.recorded_random import Answer, Recorded, Replayed
from mappedram.fuzz.sound import DeviceSpec, RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.stream.bitmap import Bitmap, ByteOrder

__all__ = [
    "HUGE",
    "SMALL",
    "DeviceSpec",
    "DrawingFaultWarning",
    "Limits",
    "RamSpec",
    "SnapshotSpec",
    "SparseFile",
    "again",
    "bitmaps",
    "broken",
    "draw",
    "faults",
    "files",
    "mutated",
    "ramblocks",
    "snapshots",
    "streams",
]

_Value = TypeVar("_Value")
#: Bytes of an `unsigned long`, and the most runs of a drawn bitmap.
_WORD_SIZES, _BITMAP_RUNS = (4, 8), 8
_IDSTR_MAX, _PAGES_MAX = 255, 1 << 30

#: Examples that could not be drawn in this process.
faults = Faults()


class DrawingFaultWarning(UserWarning):
    """An example could not be drawn: a defect of this package."""


def bitmaps(
    max_pages: int = 200, *, word_size: int = 8, byteorder: ByteOrder = "little"
) -> SearchStrategy[Bitmap]:
    """Bitmaps of blocks of 1 to `max_pages` pages; `bitmap.data` is what stands in a file.

    Raises:
        ValueError: no block has that many pages, or no host such words.
    """
    if not 1 <= max_pages <= _PAGES_MAX:
        raise ValueError(f"max_pages: expected 1 to {_PAGES_MAX}, got {max_pages}")
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
    if not 1 <= len(idstr) <= _IDSTR_MAX or max(idstr) > "\xff":
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
    allowed = _aligned(limits, align)
    return _drawn(lambda rng: generate.snapshot(rng, allowed).file())


def streams(limits: Limits = SMALL) -> SearchStrategy[SparseFile]:
    """Sound streams without mapped-ram: pages stand in records, one after the other."""
    return _drawn(lambda rng: generate.snapshot(rng, limits).stream())


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


def draw(strategy: SearchStrategy[_Value], rng: Random) -> _Value:
    """An example of a strategy of this module, without Hypothesis: `rng` makes the choices.

    Raises:
        ValueError: the strategy is not one of this module.
    """
    make = _MAKERS.get(strategy)
    if make is None:
        raise ValueError(f"not a strategy of mappedram.strategies: {strategy!r}")
    value: _Value = make(rng)
    return value


def again(strategy: SearchStrategy[_Value], answers: Iterable[Answer]) -> _Value:
    """The example that a `DrawingFaultWarning` speaks of, or the exception in its place.

    Args:
        strategy: the strategy with the same arguments.
        answers: the list that the warning ends with.

    Raises:
        ValueError: the strategy is not one of this module.
    """
    return draw(strategy, Replayed(answers))


#: What makes an example of each strategy, given a `Random`.
_MAKERS: "WeakKeyDictionary[SearchStrategy[Any], Callable[[Random], Any]]" = WeakKeyDictionary()


def _drawn(make: Callable[[Random], _Value]) -> SearchStrategy[_Value]:
    """What `make` makes of a `Random` whose choices Hypothesis records and shrinks."""
    name = make.__qualname__.partition(".")[0]

    def of(rng: Random) -> _Value:
        recorded = Recorded(rng)
        drawing = Drawing(f"an example of {name}()", "")
        # With a `HypothesisException`, Hypothesis itself leaves an example.
        found = attempt(lambda: make(recorded), drawing, HypothesisException)
        if isinstance(found, Fault):
            repeating = f"again({name}(...), {recorded.answers})"
            _tell(replace(found, drawing=drawing._replace(again=repeating)))
            reject()
        return found

    strategy = st.randoms(use_true_random=False).map(of)
    _MAKERS[strategy] = make
    return strategy


def _tell(fault: Fault) -> None:
    if faults.add(fault):
        warnings.warn(fault.text, DrawingFaultWarning, stacklevel=2)
