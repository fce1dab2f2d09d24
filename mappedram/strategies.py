"""Hypothesis strategies for mapped-ram files: valid files, files with one defect, and their parts.

Needs `mappedram[fuzz]`. A test of another parser:

>>> from hypothesis import given
>>> from mappedram import strategies
>>> @given(strategies.broken("MR204"))
... def test_refuses_a_page_size_of_no_target(file):
...     with pytest.raises(my_parser.Error):
...         my_parser.parse(bytes(file))

No strategy raises while drawing. If a generator fails anyway, which is a defect of this package,
the example is rejected and the test continues. A `DrawingFaultWarning` says how to draw the example
again (`again`), and `faults` counts it.

Files are small by default. Every file is a `SparseFile`: `bytes(file)` is all of it,
`file.opened()` gives a descriptor, and `file.offset` is the start of the stream.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, TypeVar, get_args
from weakref import WeakKeyDictionary

import numpy as np  # noqa: F401 - imported now, so that it does not slow down the first example
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
#: Bytes of an `unsigned long`, and the maximum number of runs of a drawn bitmap.
_WORD_SIZES, _BITMAP_RUNS = (4, 8), 8
_IDSTR_MAX, _PAGES_MAX = 255, 1 << 30

#: Examples that could not be drawn in this process.
faults = Faults()


class DrawingFaultWarning(UserWarning):
    """An example could not be drawn: a defect of this package."""


def bitmaps(
    max_pages: int = 200, *, word_size: int = 8, byteorder: ByteOrder = "little"
) -> SearchStrategy[Bitmap]:
    """Bitmaps of blocks of 1 to `max_pages` pages; `bitmap.data` has the bytes for a file.

    Raises:
        ValueError: a block cannot have that many pages, or a host such words.
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
    """RAM blocks: their numbers of pages, and their stored pages.

    Raises:
        ValueError: a block cannot have that name.
    """
    if not 1 <= len(idstr) <= _IDSTR_MAX or max(idstr) > "\xff":
        raise ValueError(f"idstr: expected 1 to 255 bytes in ISO 8859-1, got {idstr!r}")
    return _drawn(lambda rng: generate.block(rng, limits, idstr))


def snapshots(limits: Limits = SMALL, *, align: int | None = None) -> SearchStrategy[SnapshotSpec]:
    """Valid snapshots as values; `spec.file()` is the file.

    Args:
        limits: size and variety; `HUGE` for 100 GiB that take kilobytes.
        align: alignment of the pages of each block, in bytes. None for the page size, so that files
            take kilobytes; QEMU's writer uses 1 MiB.

    Raises:
        ValueError: `align` is not a multiple of a page.
    """
    allowed = _aligned(limits, align)
    return _drawn(lambda rng: generate.snapshot(rng, allowed))


def files(limits: Limits = SMALL, *, align: int | None = None) -> SearchStrategy[SparseFile]:
    """Valid files. Arguments as for `snapshots`."""
    allowed = _aligned(limits, align)
    return _drawn(lambda rng: generate.snapshot(rng, allowed).file())


def streams(limits: Limits = SMALL) -> SearchStrategy[SparseFile]:
    """Valid streams without mapped-ram: pages are in records, one after the other."""
    return _drawn(lambda rng: generate.snapshot(rng, limits).stream())


def broken(
    rule: str, limits: Limits = BASE, *, align: int | None = None
) -> SearchStrategy[SparseFile]:
    """Files that break the rule with that code, and no other.

    A few rules cannot be broken alone; `mappedram.fuzz.defects.NOT_ALONE` lists them with the
    others that are then broken, and the reasons.

    Args:
        rule: code of the rule, such as `MR204`; `mappedram explain` lists all.
        limits: size of the snapshot that gets the defect.
        align: alignment of the pages, in bytes. With 1 MiB, the default, only the rule is broken,
            and files take kilobytes on disk but are a few MiB long. With less they are kilobytes
            long, and carry the note MR211.

    Raises:
        UnknownNameError: there is no such rule.
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
    """Files with unexpected values in up to `most` fields.

    Some of them are valid nonetheless.

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
    """Draw an example of a strategy of this module without Hypothesis; `rng` makes the choices.

    Raises:
        ValueError: the strategy is not from this module.
    """
    make = _MAKERS.get(strategy)
    if make is None:
        raise ValueError(f"not a strategy of mappedram.strategies: {strategy!r}")
    value: _Value = make(rng)
    return value


def again(strategy: SearchStrategy[_Value], answers: Iterable[Answer]) -> _Value:
    """Draw the example of a `DrawingFaultWarning` again, or raise its exception.

    Args:
        strategy: the strategy with the same arguments.
        answers: the list at the end of the warning.

    Raises:
        ValueError: the strategy is not from this module.
    """
    return draw(strategy, Replayed(answers))


#: Function that makes an example of each strategy, from a `Random`.
_MAKERS: "WeakKeyDictionary[SearchStrategy[Any], Callable[[Random], Any]]" = WeakKeyDictionary()


def _drawn(make: Callable[[Random], _Value]) -> SearchStrategy[_Value]:
    """Strategy of `make`, called with a `Random` whose choices Hypothesis records and shrinks."""
    name = make.__qualname__.partition(".")[0]

    def of(rng: Random) -> _Value:
        recorded = Recorded(rng)
        drawing = Drawing(f"an example of {name}()", "")
        # Hypothesis raises a `HypothesisException` to abandon an example.
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
