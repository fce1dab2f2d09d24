"""Streams without mapped-ram: the model agrees with recorded results of QEMU 10.0."""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import FormatError
from mappedram.io.opening import open_source
from mappedram.qemu.loader import Destination, LocalBlock, Verdict, fitted, verdicts
from mappedram.qemu.loader.records import PassedRecords, RecordLoader, Stretch
from mappedram.qemu.loader.xbzrle import undecodable
from mappedram.stream.page_records import apply_xbzrle
from mappedram.stream.reader.windows import Windows
from tests.conftest import Fixtures
from tests.qemu.loader.plain_cases import CASES, PlainCase, good
from tests.qemu.loader.plain_measured import Bench, Measured, bench, changed, measured
from tests.qemu.loader.plain_stream import (
    COMMAND,
    CONTINUE,
    MEM_SIZE,
    PAGE,
    PAGE_FLAG,
    START,
    PlainStream,
    RamSection,
    Record,
    be,
)
from tests.qemu.test_fresh import binary
from tools.qemu import version

#: Refusals with unknown words: they depend on earlier contents of memory, or QEMU writes nothing.
WORDLESS = {"cut_behind_the_length_of_a_difference", "cut_behind_a_footer"}
MEASURED = measured()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The good streams, by guest."""
    folder = tmp_path_factory.mktemp("good")
    for guest in {case.guest for case in CASES}:
        (folder / guest).write_bytes(bytes(good(guest)))
    return {path.name: path for path in folder.iterdir()}


def judged(case: PlainCase, original: Path, path: Path) -> dict[str, Verdict]:
    """Verdicts for the machine of the good stream, whose memory is compared."""
    path.write_bytes(changed(good(case.guest), case))
    with mappedram.open(original) as snapshot, open_source(path) as source:
        return verdicts(source, destination=replace(Destination.of(snapshot), reference=snapshot))


def agree(case: PlainCase, verdict: Verdict, outcome: str, said: str) -> None:
    assert verdict.outcome == outcome, (verdict, said)
    if outcome == "refuses":
        assert (verdict.message is None) == (case.name in WORDLESS)
        assert (verdict.message or "") in said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_model_says_what_qemu_was_seen_to_do(
    case: PlainCase, originals: dict[str, Path], tmp_path: Path
) -> None:
    found = judged(case, originals[case.guest], tmp_path / "case")
    agree(case, found["10.0"], MEASURED[case.name].outcome, MEASURED[case.name].said)


def test_cases_are_all_measured_and_of_all_kinds() -> None:
    assert [case.name for case in CASES] == list(MEASURED)
    assert {entry.outcome for entry in MEASURED.values()} == {"loads", "wrong-memory", "refuses"}


# Comparison with QEMU.


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Bench]]:
    qemu = binary("x86_64")
    if version(qemu)[:2] != (10, 0):
        pytest.skip("what was measured is QEMU 10.0")
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("bench")
        yield {guest: stack.enter_context(bench(qemu, guest, folder)) for guest in ("none", "pc")}


@pytest.mark.qemu
@pytest.mark.parametrize(
    "case", [c for n, c in enumerate(CASES) if n % 3 == 0 or c.guest == "pc"], ids=lambda c: c.name
)
def test_qemu_does_what_the_model_says(case: PlainCase, benches: dict[str, Bench]) -> None:
    """With streams that QEMU saved, including devices."""
    made = benches[case.guest]
    path, loaded = made.load(case)
    assert Measured.of(loaded) == MEASURED[case.name]
    with open_source(path) as source:
        found = verdicts(source, destination=made.destination)["10.0"]
    agree(case, found, loaded.outcome, loaded.message)


# Verdicts without a destination.


def alone(stream: PlainStream | bytes) -> dict[str, Verdict]:
    return verdicts(bytes(stream))


def small() -> PlainStream:
    """A stream of two blocks of a few pages each, without commands unknown to 9.x."""
    blocks = {b"ram": 16 * PAGE, b"rom": 2 * PAGE}
    stream = PlainStream.of(b"none", blocks, {b"ram": [range(3, 7)], b"rom": [range(2)]})
    stream.pieces = [p for p in stream.pieces if not bytes(p).startswith(bytes([COMMAND]))]
    return stream


def outcomes(found: dict[str, Verdict]) -> dict[str, tuple[str, bool]]:
    return {release: (verdict.outcome, verdict.certain) for release, verdict in found.items()}


def test_each_page_has_had_a_record() -> None:
    """A page without a record may be right or wrong, so the load is uncertain."""
    stream = small()
    assert set(outcomes(alone(stream)).values()) == {("loads", True)}
    again = stream.part.records[4]
    stream.part.records.remove(again)
    assert set(outcomes(alone(stream)).values()) == {("loads", False)}
    stream.part.records.insert(7, again)  # in another order
    assert set(outcomes(alone(stream)).values()) == {("loads", True)}


def test_no_ram_at_all() -> None:
    stream = small()
    del stream.pieces[1:-1]
    found = alone(stream)["10.0"]
    assert (found.outcome, found.because) == ("wrong-memory", ("MR006",))


def test_no_list_of_blocks() -> None:
    stream = small()
    stream.start.total, stream.start.entries, stream.part.records[:-1] = None, [], []
    found = alone(stream)["10.0"]
    assert (found.outcome, found.because) == ("wrong-memory", ("MR107",))


def test_words_never_speak_of_mapped_ram() -> None:
    """Wherever it is truncated."""
    data = bytes(small())
    for length in range(0, len(data), 97):
        for release, verdict in alone(data[:length]).items():
            assert verdict.outcome == "refuses", (length, release)
            assert "mapped-ram" not in (verdict.message or "")


@pytest.mark.parametrize("name", ["plain", "background-snapshot-plain", "avr-plain"])
def test_destination_has_mapped_ram_as_the_file_has(name: str, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path) as snapshot:
        machine = Destination.of(snapshot)
    on = replace(machine, capabilities=frozenset(("mapped-ram",)))
    with open_source(fixture.path) as source:
        assert verdicts(source, destination=on)["10.0"].outcome == "refuses"
        assert fitted(on, source, 0).capabilities == frozenset()
        assert verdicts(source, destination=fitted(on, source, 0))["10.0"].outcome == "loads"


def test_destination_gets_mapped_ram_for_a_file_that_has_it(fixtures: Fixtures) -> None:
    fixture = fixtures["pc"]
    off = Destination(capabilities=frozenset())
    with open_source(fixture.path) as source:
        assert fitted(off, source, 0).capabilities == frozenset(("mapped-ram",))
        assert fitted(Destination(), source, 0) == Destination()


def test_page_size_that_nothing_says() -> None:
    """It is the size that fits the records: two pages of 8 KiB, and an address at 4 KiB."""
    stream = small()
    stream.part.records[:-1] = [
        Record(PAGE_FLAG, b"\3ram", bytes(2 * PAGE)),
        Record(2 * PAGE | PAGE_FLAG | CONTINUE, body=bytes(2 * PAGE)),
    ]
    found = alone(stream)["10.0"]
    assert (found.outcome, found.depends_on_destination) == ("loads", True)
    stream.part.records[1].word += PAGE
    assert alone(stream)["10.0"].outcome == "refuses"


# Differences between releases.


def disk(*records: Record) -> RamSection:
    head = bytes([START]) + be(9, 4) + b"\5block" + be(0, 4) + be(1, 4)
    return RamSection(head, records=list(records), footer=b"\x7e" + be(9, 4))


@pytest.mark.parametrize(
    ("records", "outcome", "message"),
    [
        ([Record(2)], "loads", None),
        (
            [Record(1, b"\1d", bytes(1 << 20)), Record(9, b"\1d"), Record(100 << 9 | 4), Record(2)],
            "loads",
            None,
        ),
        ([Record(0x10), Record(2)], "refuses", "Unknown block migration flags: 0x10"),
        ([Record(1, b"\1d", bytes(1000))], "refuses", None),
    ],
)
def test_disks(records: list[Record], outcome: str, message: str | None) -> None:
    """Up to 9.0, QEMU can send disks; later releases do not know the section."""
    stream = small()
    stream.pieces.insert(1, disk(*records))
    found = alone(stream)
    assert (found["9.0"].outcome, found["9.0"].message) == (outcome, message)
    assert found["9.0"].depends_on_destination
    for release in list(found)[1:]:
        assert found[release].outcome == "refuses"
        assert not found[release].depends_on_destination
    assert (found["10.0"].message or "").startswith("Unknown savevm section or instance 'block' 0.")


def compressed(body: bytes, length: int | None = None) -> PlainStream:
    """A stream with a compressed fifth page."""
    stream, size = small(), len(body) if length is None else length
    record = stream.part.records[4]
    record.word, record.body = 4 * PAGE | 0x100 | CONTINUE, be(size, 4) + body
    return stream


PACKED = zlib.compress(b"page" * (PAGE // 4))


@pytest.mark.parametrize(
    ("stream", "outcome", "because"),
    [
        (compressed(PACKED), "loads", ()),
        (compressed(PACKED + b"more"), "loads", ()),
        (compressed(PACKED[:-4]), "refuses", ("MR001",)),
        (compressed(b"\0" * 20), "refuses", ("MR001",)),
        (compressed(zlib.compress(bytes(PAGE + 1))), "refuses", ("MR001",)),
        (compressed(zlib.compress(bytes(PAGE - 1))), "wrong-memory", ("MR001",)),
        (compressed(PACKED, 1 << 31), "refuses", ("MR001",)),
        (compressed(PACKED, 4700), "refuses", ("MR001",)),
    ],
)
def test_compressed_pages(stream: PlainStream, outcome: str, because: tuple[str, ...]) -> None:
    """Up to 9.0, with `compress` on; later releases do not know the record."""
    found = alone(stream)
    assert (found["9.0"].outcome, found["9.0"].because) == (outcome, because)
    assert found["9.0"].depends_on_destination
    for release in list(found)[1:]:
        assert found[release].because == ("MR017", "MR001")
    assert found["10.0"].message == "Unknown combination of migration flags: 0x120"


def test_records_are_read_once_for_all_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if releases differ behind RAM."""
    passed: list[Stretch] = []
    original = RecordLoader.pass_all

    def counted(self: RecordLoader, stretch: Stretch) -> PassedRecords:
        passed.append(stretch)
        return original(self, stretch)

    monkeypatch.setattr(RecordLoader, "pass_all", counted)
    stream = small()
    stream.pieces.insert(-1, disk(Record(2)))
    found = alone(stream)
    assert (found["9.0"].outcome, found["9.1"].outcome) == ("loads", "refuses")
    assert len(passed) == 1


def test_releases_that_part_within_ram() -> None:
    """One continues where the others end; the memory of each is what it loaded itself."""
    stream = compressed(PACKED)
    word = stream.part.records[4].word
    assert {entry.outcome for entry in alone(stream).values()} == {"loads", "refuses"}
    stream.part.records[4].word = word | PAGE_FLAG  # all look up a block, but none knows the record
    assert {entry.because for entry in alone(stream).values()} == {("MR001",)}


# x-ignore-shared and postcopy-ram.

SHARED = b"x-ignore-shared"


def announcing(*names: bytes) -> bytes:
    """Header and configuration with capabilities."""
    listed = b"".join(be(len(name), 1) + name for name in names)
    name = b"configuration/capabilities"
    return (
        b"QEVM"
        + be(3, 4)
        + b"\7"
        + be(4, 4)
        + b"none"
        + b"\5"
        + be(len(name), 1)
        + name
        + be(1, 4)
        + be(len(names), 4)
        + listed
    )


def shared(ram: int = 0x1000000) -> PlainStream:
    """A stream without `ram`, which is in a shared file, with the address of each block."""
    stream = small()
    stream.pieces[0] = announcing(SHARED)
    for entry, address in zip(stream.start.entries, (ram, 0), strict=True):
        entry.rest = be(address, 8)
    stream.part.records = [r for r in stream.part.records if r.name != b"\3ram"][15:]
    return stream


def shared_destination(address: int | None) -> Destination:
    return Destination(
        capabilities=frozenset((SHARED.decode(),)),
        blocks={
            "ram": LocalBlock("ram", 16 * PAGE, 16 * PAGE, address),
            "rom": LocalBlock("rom", 2 * PAGE, 2 * PAGE),
        },
    )


def test_blocks_in_shared_files() -> None:
    """The destination has them; only a block with some records must have all."""
    stream = shared()
    found = alone(stream)["10.0"]
    assert (found.outcome, found.certain, found.depends_on_destination) == ("loads", True, True)
    del stream.part.records[1]
    assert not alone(stream)["10.0"].certain


def test_shared_block_at_another_address() -> None:
    data = bytes(shared())
    for address, outcome in ((0x1000000, "loads"), (0x2000000, "refuses"), (None, "loads")):
        found = verdicts(data, destination=shared_destination(address))["10.0"]
        assert found.outcome == outcome
    found = verdicts(data, destination=shared_destination(0x2000000))["10.0"]
    assert found.message == "Mismatched GPAs for block ram 16777216!= 33554432"


def test_page_of_a_block_in_a_shared_file() -> None:
    stream = shared()
    stream.part.records.insert(0, Record(PAGE_FLAG, b"\3ram", bytes(PAGE)))
    found = verdicts(bytes(stream), destination=shared_destination(0x1000000))["10.0"]
    assert found.message == "block ram should not be migrated !"


def advised(page_size: int, huge: int | None) -> PlainStream:
    """A stream of `postcopy-ram`; with `huge`, the pages of `rom` are huge."""
    stream = small()
    stream.pieces.insert(1, b"\x08" + be(3, 2) + be(16, 2) + be(PAGE, 8) + be(page_size, 8))
    stream.start.entries[1].rest = be(huge, 8) if huge else b""
    return stream


@pytest.mark.parametrize(
    ("stream", "outcome", "message"),
    [
        (advised(PAGE, None), "loads", None),
        (advised(PAGE, 2 << 20), "loads", None),
        (
            advised(2 * PAGE, None),
            "refuses",
            "Postcopy needs matching target page sizes (s=8192 d=4096)",
        ),
        (advised(PAGE, 3 << 20), "refuses", "Unknown combination of migration flags: 0x0"),
    ],
)
def test_postcopy_ram(stream: PlainStream, outcome: str, message: str | None) -> None:
    found = alone(stream)["10.0"]
    assert (found.outcome, found.message) == (outcome, message)
    assert found.depends_on_destination
    off = verdicts(bytes(stream), destination=Destination(capabilities=frozenset()))["10.0"]
    assert off.message == "RAM postcopy is disabled but have 16 byte advise"


def test_advice_of_a_destination_that_has_postcopy_ram() -> None:
    on = Destination(capabilities=frozenset(("postcopy-ram",)), configuration=True)
    data = bytes(advised(PAGE, None))
    found = verdicts(data, destination=on)["10.0"]
    assert (found.outcome, found.depends_on_destination) == ("loads", False)
    huge = data.replace(be(PAGE, 8) * 2, be(PAGE | 2 << 20, 8) + be(PAGE, 8))
    assert verdicts(huge, destination=on)["10.0"].depends_on_destination
    stream = small()
    stream.pieces.insert(1, b"\x08" + be(3, 2) + be(0, 2))
    found = verdicts(bytes(stream), destination=on)["10.0"]
    assert found.message == "RAM postcopy is enabled but have 0 byte advise"


# Hostile bytes.


def test_many_short_stretches_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list of blocks follows each record; records that fill a window are read again."""
    begun: list[int] = []
    original = Windows.begin

    def counted(self: Windows, position: int) -> memoryview:
        begun.append(position)
        return original(self, position)

    monkeypatch.setattr(Windows, "begin", counted)
    stream = small()
    stream.part.records = [
        piece for record in stream.part.records for piece in (Record(MEM_SIZE), record)
    ]
    assert alone(stream)["10.0"].outcome == "loads"
    assert len(begun) == 1
    page = [record for record in stream.part.records if record.flags == PAGE_FLAG | CONTINUE][-1]
    stream.part.records[-1:-1] = [page, Record(MEM_SIZE)] * 100
    begun.clear()
    assert alone(stream)["10.0"].outcome == "loads"
    assert 4 < len(begun) < 20


@given(
    st.lists(
        st.tuples(
            st.sampled_from((0, 1, 2, 127, 128, 2000, 4095, 4096, 20000)),
            st.sampled_from((0, 1, 2, 127, 128, 2000, 20000)),
            st.integers(0, 130),
        ),
        max_size=4,
    ),
    st.integers(-3, 0),
)
def test_differences(runs: list[tuple[int, int, int]], rest: int) -> None:
    """Single ones, many at once, and as the reader reads them."""
    encoded = b"".join(uleb128(same) + uleb128(new) + bytes(held) for same, new, held in runs)
    encoded = encoded[: len(encoded) + rest]
    try:
        apply_xbzrle(bytearray(PAGE), encoded, 0)
    except FormatError:
        refused = True
    else:
        refused = False
    for count in (1, 100):
        data = (be(len(encoded), 2) + encoded) * count + b"\x81"
        starts = np.arange(count) * (2 + len(encoded))
        assert undecodable(memoryview(data), starts, PAGE).tolist() == [refused] * count


def uleb128(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


@given(st.integers(0, 1 << 32), st.integers(1, 6))
def test_any_mutation_has_verdicts(seed: int, count: int) -> None:
    """Mutate bytes of headers and words, but not pages."""
    random, stream = Random(seed), small()
    _again(stream)
    data = bytearray(bytes(stream))
    places = [n for n in range(len(data)) if data[n : n + 64].count(data[n]) < 60]
    for _ in range(count):
        data[random.choice(places)] = random.randrange(256)
    found = verdicts(bytes(data[: random.choice((len(data), random.randrange(len(data))))]))
    assert all(entry.because or entry.outcome == "loads" for entry in found.values())


def _again(stream: PlainStream) -> None:
    """Records of all kinds."""
    stream.part.records[-1:-1] = [
        Record(3 * PAGE | 0x40 | CONTINUE, body=b"\1" + be(3, 2) + b"\0\1a"),
        Record(0x100 | CONTINUE, body=be(len(PACKED), 4) + PACKED),
        Record(0x200),
    ]
