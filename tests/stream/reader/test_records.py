"""Page records, compared with a naive reading of clause 9.6.2, one record at a time."""

import os
import struct
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import FormatError, MappedRamError, TruncatedError, UnsupportedError
from mappedram.format import drivers
from mappedram.format.constants import SectionType
from mappedram.format.structures import PAGE_RECORD
from mappedram.stream.page_records import apply_xbzrle
from mappedram.stream.reader import record_store
from mappedram.stream.reader.record_store import RecordStore
from tests.conftest import Fixtures
from tests.files import copy_sparse, memory_file, patch

ZERO, PAGE, CONTINUE, XBZRLE, COMPRESS, FLUSH = 0x02, 0x08, 0x20, 0x40, 0x100, 0x200
PAGE_SIZE = 1024
NAMES = ("pc.ram", "rom")
PAGES = 40
#: Longest accepted zlib stream for a page of that size.
LONGEST = 1024 + 128 + 64
EOS = struct.pack(">Q", 0x10)
Record = tuple[int, str, int, bytes]


def xbzrle(old: bytes, new: bytes) -> bytes:
    """A difference in the simplest form: for each changed byte, an equal and a new run."""

    def uleb(number: int) -> bytes:
        return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])

    encoded, at = b"", 0
    while old[at:] != new[at:]:
        start = next(i for i in range(at, len(new)) if old[i] != new[i])
        stop = next((i for i in range(start, len(new)) if old[i] == new[i]), len(new))
        encoded += uleb(start - at) + uleb(stop - start) + new[start:stop]
        at = stop
    return encoded


def compressed(data: bytes, level: int = 1) -> bytes:
    """The body of a record COMPRESS_PAGE."""
    packed = zlib.compress(data, level)
    return struct.pack(">I", len(packed)) + packed


def stream(parts: list[list[Record]]) -> bytes:
    """A whole file made with `struct`: each list of records is one section PART."""
    eos = struct.pack(">Q", 0x10) + struct.pack(">BI", 0x7E, 1)
    head = b"QEVM" + struct.pack(">I", 3) + struct.pack(">BI", 7, 4) + b"none"
    head += struct.pack(">BIB3sII", 1, 1, 3, b"ram", 0, 4)
    head += struct.pack(">Q", len(NAMES) * PAGES * PAGE_SIZE | 4)
    for name in NAMES:
        head += bytes([len(name)]) + name.encode() + struct.pack(">Q", PAGES * PAGE_SIZE)
    out, last = head + eos, ""
    for part in parts:
        out += struct.pack(">BI", 2, 1)
        for flag, name, page, body in part:
            if flag == FLUSH:
                out += struct.pack(">Q", FLUSH)
                continue
            same = CONTINUE if name == last else 0
            out += struct.pack(">Q", page * PAGE_SIZE | flag | same)
            out += b"" if same else bytes([len(name)]) + name.encode()
            out += body
            last = name
        out += eos
    text = b'{"page_size": %d, "devices": []}' % PAGE_SIZE
    return out + struct.pack(">BI", 3, 1) + eos + b"\0" + struct.pack(">BI", 6, len(text)) + text


@st.composite
def guests(draw: st.DrawFn) -> tuple[list[list[Record]], dict[tuple[str, int], bytes]]:
    """Records of some iterations, and the resulting memory."""
    memory: dict[tuple[str, int], bytes] = {}
    parts: list[list[Record]] = []
    for _ in range(draw(st.integers(0, 3))):
        part: list[Record] = []
        for _ in range(draw(st.integers(0, 6))):
            name = draw(st.sampled_from(NAMES))
            first = draw(st.integers(0, PAGES - 1))
            flag = draw(st.sampled_from([ZERO, PAGE, PAGE, XBZRLE, COMPRESS, FLUSH]))
            for page in range(first, min(PAGES, first + draw(st.integers(1, 40)))):
                old = memory.get((name, page), bytes(PAGE_SIZE))
                seed = draw(st.integers(1, 255))
                if flag == ZERO:
                    memory[name, page], body = bytes(PAGE_SIZE), b"\0"
                elif flag == PAGE:
                    body = memory[name, page] = bytes([seed, page & 0xFF]) * (PAGE_SIZE // 2)
                elif flag == COMPRESS:
                    memory[name, page] = bytes([seed, page & 0xFF]) * (PAGE_SIZE // 2)
                    body = compressed(memory[name, page], level=seed % 10)
                elif flag == XBZRLE:
                    new = bytearray(old)
                    new[seed : seed + 3] = b"new"
                    new[-1] ^= seed
                    memory[name, page] = bytes(new)
                    difference = xbzrle(old, bytes(new))
                    body = struct.pack(">BH", 1, len(difference)) + difference
                else:
                    body = b""
                part.append((flag, name, page, body))
        parts.append(part)
    return parts, memory


@given(guests(), st.sampled_from([1, 7, 1 << 18]))
def test_memory_is_what_the_last_records_make(
    guest: tuple[list[list[Record]], dict[tuple[str, int], bytes]], settled_min: int
) -> None:
    """However often obsolete records are dropped."""
    parts, memory = guest
    with (
        mock.patch.object(record_store, "_SETTLED_MIN", settled_min),
        memory_file(stream(parts)) as fd,
        mappedram.open(fd) as snapshot,
    ):
        assert snapshot.complete
        assert not snapshot.stream.mapped_ram
        for name in NAMES:
            block = snapshot.block[name]
            if not block.has_pages:  # no record in the whole stream
                assert not memory
                continue
            expected = b"".join(memory.get((name, n), bytes(PAGE_SIZE)) for n in range(PAGES))
            assert block.read(0, PAGES * PAGE_SIZE) == expected
            for page in range(PAGES):
                assert block.page(page) == expected[page * PAGE_SIZE :][:PAGE_SIZE]
                assert block.bitmap[page] or not any(memory.get((name, page), b""))


@given(guests(), st.data())
def test_any_damage_gives_a_snapshot_or_an_error(
    guest: tuple[list[list[Record]], dict[tuple[str, int], bytes]], data: st.DataObject
) -> None:
    whole = bytearray(stream(guest[0]))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(8, len(whole)))
    with memory_file(bytes(whole[:cut])) as fd:
        try:
            with mappedram.open(fd, partial=True) as snapshot:
                for block in snapshot.blocks:
                    block.read(0, min(block.used_length, 1 << 16))
        except MappedRamError:
            pass


@pytest.mark.parametrize(("name", "page_size"), [("plain", 4096), ("avr-plain", 256)])
def test_records_as_both_drivers_read_them(fixtures: Fixtures, name: str, page_size: int) -> None:
    """The reader's index and the declarations of the spec agree on a real stream."""
    params = {"len_page": page_size}
    with mappedram.open(fixtures[name].path) as snapshot:
        part = next(s for s in snapshot.sections if s.type == SectionType.PART)
        places: dict[str, dict[int, int]] = {block.idstr: {} for block in snapshot.blocks}
        position, idstr = part.payload_offset, ""
        while position < part.payload_end - 8:
            data = snapshot.source.read(position, 8192)
            values, length = drivers.get("construct").parse(PAGE_RECORD, data, params)
            other = drivers.get("kaitai").parse(PAGE_RECORD, data, params)
            assert other == (values, length)
            idstr = values["idstr"] or idstr
            page = values["addr_and_flags"] // page_size
            places[idstr][page] = position + length - page_size if values["page"] else 0
            position += length
        assert position == part.payload_end - 8
        for block in snapshot.blocks:
            recorded = block.recorded
            assert recorded is not None
            found = dict(zip(recorded.pages.tolist(), recorded.places.tolist(), strict=True))
            stored = {page: place for page, place in places[block.idstr].items() if place}
            assert {page: place for page, place in found.items() if place} == stored
            assert found.items() <= places[block.idstr].items()


@pytest.mark.parametrize("cut", [False, True])
def test_a_short_stream_shows_its_page_size(cut: bool) -> None:
    """Without the JSON text. With larger pages, its only record would exceed the file."""
    whole = stream([[(PAGE, "rom", 3 if cut else 0, b"x" * PAGE_SIZE)]])
    end = whole.rindex(b"x" if cut else b"\6")
    with memory_file(whole[:end]) as fd, mappedram.open(fd, partial=True) as snapshot:
        assert snapshot.complete is not cut
        assert snapshot.block["rom"].page_size == PAGE_SIZE


@pytest.mark.parametrize("behind", [b"", b"\0", b"\5\6\7"], ids=repr)
def test_an_eos_inside_a_page_does_not_tell_its_size(
    fixtures: Fixtures, tmp_path: Path, behind: bytes
) -> None:
    """A stream cut early: with pages of 1 KiB, its first page would be followed by EOS."""
    path = copy_sparse(fixtures["plain"].path, tmp_path / "cut")
    with mappedram.open(path) as snapshot:
        recorded = snapshot.block["pc.ram"].recorded
        assert recorded is not None
        first = min(place for place in recorded.places.tolist() if place > 0)
    patch(path, first + 1024, struct.pack(">Q", 0x10) + behind)
    os.truncate(path, first + 3000)
    with mappedram.open(path, partial=True) as snapshot:
        assert snapshot.stream.page_size == 4096


@pytest.mark.parametrize("flag", [PAGE, XBZRLE])
def test_records_that_no_longer_count_take_no_room(
    monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    monkeypatch.setattr(record_store, "_SETTLED_MIN", 100)
    records = RecordStore(PAGES, 10_000)
    for start in range(1, 10_000, 10):
        places = np.arange(start, start + 10)
        records.add(np.arange(10), -places if flag == XBZRLE and start % 30 > 1 else places)
        assert len(records._places) <= 500  # noqa: SLF001 - not visible elsewhere
    found = records.finish(PAGE_SIZE)
    assert found.pages.tolist() == list(range(10))
    assert found.places.tolist() == [*range(start, start + 10)]


def test_zero_pages_that_were_never_anything_else_take_no_room() -> None:
    records = RecordStore(1 << 50, 10)
    records.add(np.array([7]), np.array([99]))
    records.add(np.arange(1 << 20), np.zeros(1 << 20, np.int64))
    assert records.finish(PAGE_SIZE).pages.tolist() == list(range(8))


def test_too_many_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten may be in use at a time; those that a whole page has replaced do not count."""
    monkeypatch.setattr(record_store, "_SETTLED_MIN", 4)
    records = RecordStore(PAGES, 10)
    for place in range(1, 100):
        records.add(np.array([3, 4]), np.array([-place, place]))
        if place % 5 == 0:
            records.add(np.array([3]), np.array([place]))
    for place in range(1, 8):  # four since the last whole page
        records.add(np.array([3]), np.array([-place]))
    with pytest.raises(UnsupportedError, match="11 XBZRLE differences"):
        records.finish(PAGE_SIZE)


@pytest.mark.parametrize(("flag", "refused"), [(0x24, "total_and_flags"), (0x30, None)])
def test_what_ends_the_records_with_continue(flag: int, refused: str | None) -> None:
    """The reader continues there with MEM_SIZE or EOS; tools/atheris found this as a hang."""
    data = stream([]).replace(b"\3\0\0\0\1" + EOS[:8], b"\3\0\0\0\1" + struct.pack(">Q", flag))
    with memory_file(data) as fd, mappedram.open(fd, partial=True) as snapshot:
        stopped = snapshot.stream.stopped
    assert (stopped is None) if refused is None else (stopped and refused in stopped.path)


def damaged(record: bytes) -> bytes:
    """A stream whose only PART holds these bytes."""
    whole = stream([[(ZERO, "rom", 0, b"\0")]])
    old = struct.pack(">Q", ZERO) + b"\3rom\0"
    assert whole.count(old) == 1
    return whole.replace(old, record)


@pytest.mark.parametrize(
    ("record", "said", "shift"),
    [
        (
            struct.pack(">Q", PAGE | CONTINUE) + bytes(PAGE_SIZE),
            "CONTINUE before the first block",
            0,
        ),
        (struct.pack(">Q", PAGE) + b"\4vram" + bytes(PAGE_SIZE), "no block 'vram'", 8),
        (
            struct.pack(">Q", PAGES * PAGE_SIZE | ZERO) + b"\3rom\0",
            "page 40 is outside of its block of 40",
            0,
        ),
        (struct.pack(">Q", ZERO) + b"\3rom\1", "fill: expected 0, got 0x1", 12),
        (struct.pack(">Q", 0x80) + bytes(30), "unknown flags 0x80", 0),
        (struct.pack(">Q", 0x180) + bytes(30), "unknown flags 0x180", 0),
        (struct.pack(">Q", COMPRESS) + bytes(30), "no block ''", 8),
        (
            struct.pack(">Q", COMPRESS) + b"\3rom" + struct.pack(">I", LONGEST + 1) + bytes(30),
            f"len_compressed: expected at most {LONGEST:#x}, got {LONGEST + 1:#x}",
            12,
        ),
        (struct.pack(">Q", XBZRLE) + b"\3rom\2\0\1x", "encoding: expected 1, got 0x2", 12),
    ],
)
def test_refusals_name_the_place(record: bytes, said: str, shift: int) -> None:
    data = damaged(record)
    with memory_file(data) as fd, mappedram.open(fd, partial=True) as snapshot:
        stopped = snapshot.stream.stopped
    assert type(stopped) is FormatError
    assert said in str(stopped)
    assert stopped.offset == data.index(record) + shift


def test_cut_within_a_page(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["plain"].path, tmp_path / "cut")
    os.truncate(path, 100_000)
    with mappedram.open(path, partial=True) as snapshot:
        assert isinstance(snapshot.stream.stopped, TruncatedError)
        assert snapshot.stream.stopped.offset is not None
        assert 100_000 - 4400 < snapshot.stream.stopped.offset <= 100_000
        assert not snapshot.complete


def test_page_size_is_found_where_nothing_says_it(fixtures: Fixtures, tmp_path: Path) -> None:
    """Without the JSON text, the records themselves reveal the page size."""
    path = copy_sparse(fixtures["plain"].path, tmp_path / "mute")
    with mappedram.open(path) as snapshot:
        expected = snapshot.block["pc.ram"].read(0, 1 << 20)
        end = snapshot.sections[-1].offset
    os.truncate(path, end)
    with mappedram.open(path) as snapshot:
        assert snapshot.stream.page_size == 4096
        assert snapshot.block["pc.ram"].read(0, 1 << 20) == expected


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x00",
        b"\x00\x00",
        b"\x00\x01",
        b"\x80",
        b"\x80\x80\x01a",
        b"\xff\x7f\x01a",
        b"\x00\x01a\x00\x01b",
        b"\x00\x03ab",
    ],
)
def test_impossible_differences(encoded: bytes) -> None:
    with pytest.raises(FormatError, match="XBZRLE"):
        apply_xbzrle(bytearray(16), encoded, 0)


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=64, max_size=64))
def test_difference_of_two_pages(old: bytes, new: bytes) -> None:
    page = bytearray(old)
    apply_xbzrle(page, xbzrle(old, new), 0)
    assert page == new


def test_memory_of_the_index_is_small() -> None:
    """At most 16 bytes for each record, whatever the guest."""
    pages = [(PAGE, "pc.ram", n % PAGES, bytes(PAGE_SIZE)) for n in range(2000)]
    with memory_file(stream([pages, pages])) as fd, mappedram.open(fd) as snapshot:
        recorded = snapshot.block["pc.ram"].recorded
        assert recorded is not None
        assert recorded.pages.itemsize + recorded.places.itemsize <= 16
        assert recorded.pages.dtype == np.uint32
        assert len(recorded.pages) == PAGES


def test_bytes_come_from_where_the_index_says(fixtures: Fixtures, tmp_path: Path) -> None:
    """Zeros at the place of one page make only that page zero."""
    path = copy_sparse(fixtures["plain"].path, tmp_path / "changed")
    with mappedram.open(path) as snapshot:
        before = snapshot.block["pc.ram"].read(0, 1 << 20)
        recorded = snapshot.block["pc.ram"].recorded
        assert recorded is not None
        place = int(recorded.places[0])
    patch(path, place, bytes(4096))
    with mappedram.open(path) as snapshot:
        assert snapshot.block["pc.ram"].read(0, 1 << 20) == bytes(4096) + before[4096:]
