"""Every field that can be mutated has a clause, and every clause exists."""

import mappedram
from mappedram.fuzz.clauses import CLAUSES, clause_of
from mappedram.fuzz.mutate import LENGTH, Mutation, Mutator
from mappedram.fuzz.report import place_of
from mappedram.fuzz.sound import DeviceSpec, RamSpec, SnapshotSpec
from tests.test_structure import clause_ids

#: A snapshot with a field of each kind.
FULL = SnapshotSpec(
    "none",
    4096,
    (RamSpec("ram", 2, ((0, 1),)),),
    devices=(DeviceSpec("timer", 2, state=b"state"),),
    capabilities=("x-ignore-shared", "mapped-ram"),
    target_page_bits=12,
    uuid=bytes(16),
)
#: Mutated parts that are not fields.
OTHERS = (
    "/ram/blocks[0]/bitmap[3]",
    "/sections[1]/records[7]/addr_and_flags",
    "/sections[9]/description[5]",
)


def test_every_field_has_a_clause() -> None:
    with FULL.file().opened() as fd, mappedram.open(fd) as snapshot:
        paths = [field.path for field in Mutator(snapshot).fields]
    places = {place_of(Mutation(path, 0, b"", b"", "")) for path in (*paths, *OTHERS, LENGTH)}
    assert {place for place in places if clause_of(place) is None} == set()
    used = {clause_of(place) for place in places}
    assert used == {clause for _, clause in CLAUSES}


def test_clauses_are_those_of_the_spec() -> None:
    assert {clause for _, clause in CLAUSES} <= clause_ids()


def test_fields_of_no_structure_have_none() -> None:
    assert clause_of("/elsewhere") is None
