"""All kinds of drawn cases: those of `mappedram fuzz` and of `mappedram.strategies`."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from hypothesis.strategies import SearchStrategy

from mappedram import strategies
from mappedram.fuzz.cases import KINDS as CASES
from mappedram.fuzz.cases import Case, Generated, Seeded, mutator_of, sound, wild
from mappedram.fuzz.defects import CATALOGUE
from mappedram.fuzz.minimise import minimise
from mappedram.fuzz.mutate import Mutation, Mutator
from mappedram.fuzz.numbers import NUMBER_CHANGES, SPECIAL_CHANGES, NumberChange, Places
from mappedram.strategies import HUGE, SMALL, Limits
from tools.draw.edges import EdgedRandom

#: Draws one case: the seed, and the number from 0.
Draw = Callable[[int, int], object]

#: Limits at both ends of the permitted range.
_NARROW = Limits(blocks=1, pages=1, runs=0, run_pages=1, page_sizes=(65536,), devices=0)
_WIDE = Limits(
    blocks=34, pages=400, page_sizes=tuple(1 << bits for bits in range(10, 17)), devices=5
)
_EXTREMES = (_NARROW, _WIDE, HUGE)
#: One in this many files is large: they take long.
_SELDOM = 29
_LIMITS = (*(SMALL,) * _SELDOM, *_EXTREMES)
#: Number of clean files to mutate, like files that a QEMU saved.
_SEEDS = 16

#: Kinds of mutations: a condition on the file, and a function that draws one.
_MUTATIONS: Mapping[str, tuple[Callable[[Mutator], bool], Callable[[Mutator, Random], Mutation]]]
_MUTATIONS = {
    "length": (lambda file: file.has_bytes, Mutator.length),
    "bitmap": (lambda file: file.has_bitmaps, Mutator.bitmap),
    "field": (lambda file: file.has_fields, Mutator.field),
}

#: Variants of each strategy, drawn in turn.
STRATEGIES: Mapping[str, Sequence[SearchStrategy[Any]]] = {
    "bitmaps": [
        strategies.bitmaps(),
        strategies.bitmaps(1),
        strategies.bitmaps(5000, word_size=4, byteorder="big"),
    ],
    "ramblocks": [strategies.ramblocks(limits) for limits in _LIMITS],
    "snapshots": [strategies.snapshots(limits) for limits in _LIMITS],
    "files": [strategies.files(limits) for limits in _LIMITS],
    "streams": [strategies.streams(limits) for limits in _LIMITS if limits is not HUGE],
    "broken": [
        *(strategies.broken(code) for code in CATALOGUE for _ in range(_SELDOM)),
        *(strategies.broken(code, limits) for code in CATALOGUE for limits in _EXTREMES),
    ],
    "mutated": [strategies.mutated(limits) for limits in _LIMITS],
}


@cache
def _generated(seed: int) -> Generated:
    return Generated(seed)


@cache
def _clean(seed: int) -> list[Case]:
    return [sound(Random(f"{seed}/seeds/{number}")) for number in range(_SEEDS)]


@cache
def _seeded(seed: int) -> Seeded:
    return Seeded(_clean(seed), seed)


def _case(number: int) -> Draw:
    """One kind of the cases that `mappedram fuzz` draws in turn."""
    return lambda seed, index: _generated(seed).draw(index * len(CASES) + number).file


def _mutated_seed(seed: int, index: int) -> object:
    return _seeded(seed).draw(index).file


@cache
def _mutators(seed: int) -> list[Mutator]:
    return [mutator_of(case.clean) for case in _clean(seed)]


def _mutation(name: str) -> Draw:
    """One kind of mutation, of a file that it applies to."""
    has, way = _MUTATIONS[name]

    def draw(seed: int, index: int) -> object:
        suited = [mutator for mutator in _mutators(seed) if has(mutator)]
        return way(suited[index % len(suited)], EdgedRandom(f"{seed}/{name}/{index}"))

    return draw


def _number(change: NumberChange) -> Draw:
    """One way to change a number, in files with few or no places."""

    def draw(seed: int, index: int) -> object:
        rng = EdgedRandom(f"{seed}/{change.what}/{index}")
        places = Places(*([rng.getrandbits(63)] * rng.randrange(3) for _ in Places._fields))
        bits = rng.choice((8, 16, 32, 64))
        value = rng.getrandbits(bits)
        return change.applies(places) and change.become(rng, value, bits, places)

    return draw


def _plainest(seed: int, index: int) -> object:
    """Minimise a case with random failures."""
    rng = Random(f"{seed}/plainest/{index}")

    def fails(candidate: Case) -> bool:
        _ = candidate.file
        return rng.random() < 1 / 2

    case = wild(rng)
    # Mostly few tries, as each takes as long as a file; eight reach all steps.
    return minimise(case, fails, tries=rng.choice((1, 2, 4, 8)))


def _example(name: str) -> Draw:
    variants = STRATEGIES[name]

    def draw(seed: int, index: int) -> object:
        rng = EdgedRandom(f"{seed}/{name}/{index}")
        return strategies.draw(variants[index % len(variants)], rng)

    return draw


_NUMBERS = (*NUMBER_CHANGES, *SPECIAL_CHANGES.values())

KINDS: Mapping[str, Draw] = {
    **{name: _case(number) for number, name in enumerate(CASES)},
    "seeded": _mutated_seed,
    "plainest": _plainest,
    **{f"mutation.{name}": _mutation(name) for name in _MUTATIONS},
    **{f"number.{way.what.replace(' ', '-')}": _number(way) for way in _NUMBERS},
    **{f"strategies.{name}": _example(name) for name in STRATEGIES},
}
