"""Failures become simple: fields go back, values get closer, guests smaller, files shorter."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

import mappedram
from mappedram.fuzz.cases import Case, mutator_of
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.generate import Limits, snapshot
from mappedram.fuzz.minimise import minimise
from mappedram.fuzz.mutate import LENGTH, Mutation
from mappedram.fuzz.sound import SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

Fails = Callable[[Case], bool]


def case_with(**values: int) -> Case:
    """A snapshot of several blocks, with these values in the header of the first one."""
    limits = Limits(blocks=3, devices=2, plain=True)
    spec = next(
        spec
        for spec in (snapshot(random.Random(seed), limits) for seed in range(100))
        if len(spec.blocks) == 3 and spec.devices and spec.blocks[0].num_pages > 8
    )
    draft = Draft.of(spec)
    changes = [changed(draft, f"mapped_ram/{name}", value) for name, value in values.items()]
    return Case("wild", draft.file, tuple(changes), spec=spec)


def changed(draft: Draft, name: str, value: int) -> Mutation:
    place = draft.place(draft.blocks[0].path, name)
    size = place.end - place.start
    before = draft.file.read(place.start, size)
    return Mutation(place.path, place.start, before, value.to_bytes(size, "big"), "a test")


def header_of(case: Case) -> mappedram.stream.model.MappedRamHeader | None:
    """The first mapped-ram header of a file, or as much of it as exists."""
    blocks = Draft(case.file).stream.blocks
    return blocks[0].mapped_ram if blocks else None


def page_size_is_odd(case: Case) -> bool:
    header = header_of(case)
    return header is not None and header.page_size not in (1024, 4096)


def test_fields_that_do_not_matter_go_back() -> None:
    case = case_with(version=0, page_size=0, bitmap_offset=8)
    plain = minimise(case, page_size_is_odd)
    assert [change.path for change in plain.mutations] == ["/ram/blocks[0]/mapped_ram/page_size"]
    assert page_size_is_odd(plain)


def test_values_get_as_plain_as_they_can() -> None:
    case = case_with(page_size=0x123456789)
    (change,) = minimise(case, page_size_is_odd).mutations
    before = int.from_bytes(change.before, "big")
    assert int.from_bytes(change.after, "big") == before * 2


def test_values_that_matter_stay() -> None:
    case = case_with(page_size=0)
    plain = minimise(case, lambda c: (h := header_of(c)) is not None and h.page_size == 0)
    assert plain.mutations[0].after == bytes(8)


def test_guests_get_smaller_and_files_shorter() -> None:
    case = case_with(page_size=0)
    plain = minimise(case, page_size_is_odd, tries=400)
    assert plain.spec is not None
    assert len(plain.spec.blocks) == 1
    assert plain.spec.blocks[0].num_pages == 1
    assert plain.spec.devices == ()
    (block,) = Draft(plain.whole).blocks
    assert plain.cut == block.header_end  # as short as the parser permits
    assert page_size_is_odd(plain)


def test_tries_are_limited() -> None:
    tried = 0

    def fails(_: Case) -> bool:
        nonlocal tried
        tried += 1
        return True

    minimise(case_with(version=0, page_size=0), fails, tries=7)
    assert tried == 7


def test_what_does_not_fail_stays_as_it_is() -> None:
    case = case_with(version=0, page_size=0)
    assert minimise(case, lambda _: False) == case


@pytest.mark.parametrize("seed", range(5))
def test_a_length_is_left_alone(seed: int) -> None:
    """A file whose length was mutated is not truncated further."""
    rng, case = random.Random(seed), case_with()
    drawn: tuple[Mutation, ...] = ()
    while [change.path for change in drawn] != [LENGTH]:
        drawn = mutator_of(case.clean).draw(rng)
    case = replace(case, mutations=drawn)
    assert minimise(case, lambda candidate: bool(candidate.mutations)) == case


@pytest.mark.parametrize("tries", [0, 1, 2, 5])
def test_no_file_is_made_that_nobody_is_asked_about(
    tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = replace(case_with(), mutations=())
    made: list[SnapshotSpec] = []
    file = SnapshotSpec.file

    def noted(spec: SnapshotSpec) -> SparseFile:
        made.append(spec)
        return file(spec)

    monkeypatch.setattr(SnapshotSpec, "file", noted)
    asked: list[Case] = []

    def passes(candidate: Case) -> bool:
        asked.append(candidate)
        return False

    minimise(case, passes, tries=tries)
    assert len(asked) == len(made) == tries
