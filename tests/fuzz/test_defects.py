"""Each defect of the catalogue breaks its rule, and no other, by `check`."""

import random
from dataclasses import replace

import pytest

from mappedram.check import RULES
from mappedram.fuzz.defects import (
    ALIGNMENT_NOTE,
    BASE,
    CATALOGUE,
    NOT_ALONE,
    NOT_BY_A_FILE,
    Breakage,
)
from mappedram.fuzz.generate import HUGE, SMALL
from tests.fuzz.test_generate import codes

BREAKAGES = [breakage for ways in CATALOGUE.values() for breakage in ways]


def expected(code: str) -> set[str]:
    return {code} | set(NOT_ALONE.get(code, {}))


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda way: f"{way.code}-{way.name}")
def test_breaks_its_rule_and_no_other(breakage: Breakage) -> None:
    for seed in range(8):
        assert codes(breakage.file(random.Random(seed))) == expected(breakage.code), seed


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda way: f"{way.code}-{way.name}")
def test_small_ones_carry_one_note_more(breakage: Breakage) -> None:
    """Files of kilobytes, whose pages are not aligned like QEMU's."""
    for seed in range(3):
        found = codes(breakage.file(random.Random(seed), SMALL))
        assert found - {ALIGNMENT_NOTE} == expected(breakage.code) - {ALIGNMENT_NOTE}, seed


@pytest.mark.parametrize("code", ["MR104", "MR204", "MR207", "MR303", "MR401", "MR403"])
def test_huge_ones(code: str) -> None:
    file = CATALOGUE[code][0].file(random.Random(2), replace(HUGE, blocks=1))
    assert codes(file) == expected(code)
    assert file.stored < 1 << 20


def test_every_rule_is_in_the_catalogue_or_has_a_reason() -> None:
    assert CATALOGUE.keys() | NOT_BY_A_FILE.keys() == RULES.keys()
    assert not CATALOGUE.keys() & NOT_BY_A_FILE.keys()


def test_names_are_unique() -> None:
    names = [(breakage.code, breakage.name) for breakage in BREAKAGES]
    assert len(set(names)) == len(names)


def test_companions_are_rules_and_have_reasons() -> None:
    for code, companions in NOT_ALONE.items():
        assert code in CATALOGUE
        assert companions.keys() <= RULES.keys()
        assert all(len(reason.split()) > 3 for reason in companions.values())
    assert all(len(reason.split()) > 3 for reason in NOT_BY_A_FILE.values())


@pytest.mark.parametrize("code", CATALOGUE)
def test_files_differ(code: str) -> None:
    """The `Random` has an effect: each rule is broken by several files."""
    files = {way.file(random.Random(seed)).sha256() for way in CATALOGUE[code] for seed in range(6)}
    assert len(files) > 1


def test_files_take_kilobytes() -> None:
    sizes = [breakage.file(random.Random(1), BASE).stored for breakage in BREAKAGES]
    assert max(sizes) < 1 << 20
