"""Mutated parts of a file by kind; and the page records of a stream without mapped-ram."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import mappedram
from mappedram.fuzz.mutable_fields import KINDS, kind_of
from mappedram.fuzz.mutate import LENGTH, Mutator, apply
from mappedram.fuzz.records import records
from mappedram.stream.snapshot import OpenSnapshot
from tests.conftest import Fixtures
from tests.qemu.loader.plain_cases import good
from tests.qemu.loader.plain_stream import CONTINUE, MEM_SIZE, PlainStream, Record


@pytest.fixture
def plain() -> PlainStream:
    return good("pc")


@pytest.fixture
def snapshot(plain: PlainStream, tmp_path: Path) -> Iterator[OpenSnapshot]:
    path = tmp_path / "plain"
    path.write_bytes(bytes(plain))
    with mappedram.open(path) as opened:
        yield opened


def drawn(snapshot: OpenSnapshot, kind: str) -> set[str]:
    """Kinds of drawn mutations if only one is requested."""
    mutator = Mutator(snapshot, {kind})
    return {one.kind for seed in range(40) for one in mutator.draw(Random(seed), 2)}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_asked_for(kind: str, snapshot: OpenSnapshot, fixtures: Fixtures) -> None:
    """Each kind that the file has."""
    assert drawn(snapshot, kind) == {kind} - {"bitmaps", "description"}
    with mappedram.open(fixtures["pc"].path) as mapped:
        assert drawn(mapped, kind) == {kind} - {"records"}


@pytest.mark.parametrize("name", ["pc", "plain"])
def test_each_kind_is_drawn_without_asking(name: str, fixtures: Fixtures) -> None:
    with mappedram.open(fixtures[name].path) as opened:
        mutator = Mutator(opened)
        found = {one.kind for seed in range(400) for one in mutator.draw(Random(seed), 3)}
    assert found == set(KINDS) - ({"records"} if name == "pc" else {"bitmaps"})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (LENGTH, "length"),
        ("/header/version", "headers"),
        ("/configuration/header/len_name", "headers"),
        ("/ram/blocks[3]/mapped_ram/page_size", "headers"),
        ("/ram/blocks[3]/bitmap[17]", "bitmaps"),
        ("/sections[0]/mem_size/total_and_flags", "headers"),
        ("/sections[1]/records[5]/addr_and_flags", "records"),
        ("/sections[1]/eos/flags", "sections"),
        ("/sections[12]/header/version_id", "sections"),
        ("/sections[12]/header/vmdesc_len", "description"),
        ("/sections[12]/description[7]", "description"),
    ],
)
def test_kind_of_a_field(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_headers_of_all_devices_are_changed(fixtures: Fixtures) -> None:
    """But nothing inside the devices."""
    with mappedram.open(fixtures["pc"].path) as opened:
        headers = {
            f"{section.path}/header/version_id"
            for section in opened.sections
            if section.idstr not in (None, "ram")
        }
        payloads = [
            range(s.offset + s.header_length, s.offset + s.header_length + s.payload_length)
            for s in opened.sections
            if s.idstr not in (None, "ram")
        ]
        fields = Mutator(opened).fields
    assert len(headers) > 20
    assert headers <= {field.path for field in fields}
    assert not [f for f in fields if any(f.offset in payload for payload in payloads[1:])]


def test_records_are_where_they_stand(plain: PlainStream, snapshot: OpenSnapshot) -> None:
    data, found = bytes(plain), list(records(snapshot))
    expected = [one for one in plain.part.records if one.body]
    assert len(found) == len(expected)
    for record, one in zip(found, expected, strict=True):
        assert data[record.offset : record.body_offset + record.body] == bytes(one)
        assert (record.len_name is None) == bool(one.word & CONTINUE)


def test_records_end_at_one_of_another_kind(plain: PlainStream, tmp_path: Path) -> None:
    before = list(plain.part.records[:5])
    total = plain.start.total or 0
    plain.part.records[5:5] = [Record(total | MEM_SIZE, b"".join(map(bytes, plain.start.entries)))]
    (tmp_path / "list").write_bytes(bytes(plain))
    with mappedram.open(tmp_path / "list") as opened:
        assert len(list(records(opened))) == len(before)


def test_no_records_with_mapped_ram(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["pc"].path) as opened:
        assert list(records(opened)) == []


def test_fields_of_records(snapshot: OpenSnapshot) -> None:
    """Each field is mutated, at the place that the mutation names."""
    mutator, found = Mutator(snapshot, {"records"}), set()
    for seed in range(600):
        (one,) = mutator.draw(Random(seed))
        assert snapshot.source.read(one.offset, len(one.before)) == one.before != one.after
        found.add(one.path.rpartition("/")[2])
    assert found == {"addr_and_flags", "len_idstr", "idstr", "fill", "page"}


def test_what_is_drawn_can_be_applied(snapshot: OpenSnapshot, tmp_path: Path) -> None:
    mutations = Mutator(snapshot, {"records"}).draw(Random(1), 3)
    path = tmp_path / "mutant"
    path.write_bytes(snapshot.source.read(0, snapshot.source.size))
    with path.open("r+b") as stream:
        apply(stream.fileno(), mutations)
    data = path.read_bytes()
    assert len(mutations) == 3
    assert all(data[m.offset : m.offset + len(m.after)] == m.after for m in mutations)
