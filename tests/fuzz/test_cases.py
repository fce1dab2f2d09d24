"""Cases: equal for equal seeds, and mutations of a value equal those of its file."""

import os
import random
from itertools import islice

import pytest

from mappedram.fuzz.cases import Generated, Seeded, mutate, mutator_of, sound, wild
from mappedram.fuzz.defects import CATALOGUE
from mappedram.fuzz.mutate import LENGTH, apply


def test_same_seed_same_files() -> None:
    first, again, other = (
        [case.file.sha256() for case in islice(Generated(seed), 30)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_kinds_take_turns_and_rules_do() -> None:
    cases = list(islice(Generated(5), 3 * sum(map(len, CATALOGUE.values()))))
    assert {case.breaks for case in cases} == {None, *CATALOGUE}
    assert all(case.mutations for case in cases[2::3])
    assert not any(case.mutations or case.breaks for case in cases[::3])


@pytest.mark.parametrize("seed", range(40))
def test_value_and_file_are_mutated_alike(seed: int) -> None:
    rng = random.Random(seed)
    case = sound(rng)
    drawn = mutator_of(case.clean).draw(rng, 3)
    with case.clean.opened() as fd:
        apply(fd, drawn)
        whole = os.pread(fd, os.fstat(fd).st_size, 0)
    assert bytes(mutate(case.clean, drawn)) == whole


@pytest.mark.parametrize("seed", range(10))
def test_wild_files_differ_from_clean_ones(seed: int) -> None:
    case = wild(random.Random(seed))
    changed = [change for change in case.mutations if change.path != LENGTH]
    assert case.file != case.clean
    for change in changed if len(case.mutations) == len(changed) else ():
        assert case.clean.read(change.offset, len(change.before)) == change.before
        assert case.file.read(change.offset, len(change.after)) == change.after


def test_seeds_take_turns() -> None:
    seeds = [sound(random.Random(number)) for number in range(3)]
    drawn = list(islice(Seeded(seeds, 1), 9))
    assert [case.clean for case in drawn] == [case.clean for case in seeds] * 3
    assert all(case.mutations for case in drawn)
