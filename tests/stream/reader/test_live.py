"""Live devices other than RAM: their records are followed one by one and delimit the payload."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import MappedRamError
from mappedram.format import structures
from mappedram.format.constants import SectionType
from mappedram.stream.model import of_kind
from mappedram.stream.rebuild import rebuild
from tests.conftest import Fixtures
from tests.files import memory_file
from tools.oracle import OracleBlock, OracleFile

EOS_CHUNK = b"\x01"


def vfio(tag: int) -> bytes:
    return struct.pack(">Q", 0xFFFFFFFFEF100000 | tag)


#: Payloads by device. They contain bytes that look like a footer, to mislead a search.
TRAP = b"\x7e\0\0\0\x2a\0"
PAYLOADS = {
    "dirty-bitmap": [
        b"\x1c\5disk0\7bitmap0" + struct.pack(">IB", 65536, 1) + EOS_CHUNK,
        b"\x40" + struct.pack(">QIQ", 0, 128, len(TRAP)) + TRAP + EOS_CHUNK,
        b"\x42" + struct.pack(">QI", 0, 128) + b"\x20" + EOS_CHUNK,
    ],
    "spapr/htab": [
        struct.pack(">I", 24),
        struct.pack(">I", 0xFFFFFFFF),
        struct.pack(">IIHH", 0, 7, 1, 3) + TRAP.ljust(16, b"h") + bytes(8),
    ],
    "s390-storage_attributes": [
        struct.pack(">Q", 1),
        struct.pack(">QQ", 0x1000 | 2, len(TRAP)) + TRAP + struct.pack(">QQ", 8, 1),
    ],
    "s390-skeys": [struct.pack(">QQ", 2, len(TRAP)) + TRAP + struct.pack(">Q", 1)],
    "0000:00:02.0/vfio": [
        vfio(3) + vfio(1),
        vfio(4) + struct.pack(">Q", len(TRAP)) + TRAP + vfio(1),
        vfio(5),
        vfio(1),
    ],
}


def with_section(idstr: str, payload: bytes, *, footers: bool = True) -> bytes:
    """A file with one live section before the end of RAM, where no offset depends on it."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", 4096, [(0, 1)], b"\1")], footers=footers).write(fd)
        whole = os.pread(fd, os.fstat(fd).st_size, 0)
    name = idstr.encode()
    section = struct.pack(">BIB", 1, 0x2A, len(name)) + name + struct.pack(">II", 0, 1) + payload
    section += struct.pack(">BI", 0x7E, 0x2A) if footers else b""
    place = whole.rindex(struct.pack(">BIQ", 3, 1, 0x10))
    return whole[:place] + section + whole[place:]


@pytest.mark.parametrize(
    ("idstr", "payload"),
    [(idstr, payload) for idstr, payloads in PAYLOADS.items() for payload in payloads],
)
@pytest.mark.parametrize("driver", mappedram.format.drivers.DRIVERS)
def test_each_grammar_finds_the_end(
    idstr: str, payload: bytes, driver: mappedram.format.drivers.DriverName
) -> None:
    with (
        memory_file(with_section(idstr, payload)) as fd,
        mappedram.open(fd, driver=driver) as snapshot,
    ):
        (section,) = (s for s in snapshot.sections if s.idstr == idstr)
        assert section.payload_length == len(payload)
        assert section.footer_id == 0x2A
        assert snapshot.complete
        assert sum(r.length for r in snapshot.regions()) == snapshot.stream.file_size
        paths = [element.path for element in snapshot.stream.elements]
        assert len(set(paths)) == len(paths)
        with memory_file() as copy:
            rebuild(snapshot, copy)
            assert os.pread(copy, snapshot.stream.file_size, 0) == snapshot.source.read(0, 1 << 30)


def test_what_does_not_fit_is_passed_by_its_footer() -> None:
    """A device of that name with another format is still followed, as an opaque payload."""
    with (
        memory_file(with_section("dirty-bitmap", b"\xff not a chunk")) as fd,
        mappedram.open(fd) as snapshot,
    ):
        (section,) = (s for s in snapshot.sections if s.idstr == "dirty-bitmap")
        assert section.payload_length == len(b"\xff not a chunk")
        assert not list(of_kind(snapshot.stream.elements, structures.DIRTY_BITMAP_CHUNK))


@given(st.sampled_from(sorted(PAYLOADS)), st.binary(max_size=60), st.booleans())
def test_any_payload_gives_a_snapshot_or_an_error(
    idstr: str, payload: bytes, footers: bool
) -> None:
    with memory_file(with_section(idstr, payload, footers=footers)) as fd:
        try:
            with mappedram.open(fd, partial=True) as snapshot:
                assert sum(r.length for r in snapshot.regions()) == snapshot.stream.file_size
        except MappedRamError:
            pass


def test_chunks_of_a_real_file(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["dirty-bitmaps"].path) as snapshot:
        chunks = list(of_kind(snapshot.stream.elements, structures.DIRTY_BITMAP_CHUNK))
        sections = [s for s in snapshot.sections if s.idstr == "dirty-bitmap"]
        assert {s.type for s in sections} == {
            SectionType.START,
            SectionType.PART,
            SectionType.END,
        }
        assert chunks[0].values["node_name"] == "disk0"
        assert chunks[0].values["bitmap_name"] == "bitmap0"
        # Each section consists of its chunks and nothing else.
        covered = {s.path: 0 for s in sections}
        for chunk in chunks:
            covered[chunk.path.rpartition("/")[0]] += chunk.length + (chunk.values["buf_size"] or 0)
        assert covered == {s.path: s.payload_length for s in sections}


def test_the_hash_table_of_a_real_file(fixtures: Fixtures) -> None:
    """The guest made one entry: `enter.bin` in tools/qemu/firmware.py."""
    with mappedram.open(fixtures["pseries"].path) as snapshot:
        table = next(of_kind(snapshot.stream.elements, structures.HTAB_HEADER))
        chunks = list(of_kind(snapshot.stream.elements, structures.HTAB_CHUNK))
        filled = [e for e in chunks if e.values["n_valid"]]
        entries = {snapshot.source.read(chunk.end, 16) for chunk in filled}
    assert table.values["section_hdr"] == 21  # the hash table has 2 MiB, for 256 MiB of memory
    assert {(e.values["index"], e.values["n_valid"]) for e in filled} == {(8, 1)}
    assert entries == {struct.pack(">QQ", 1, 0x10)}


@pytest.mark.parametrize("name", ["s390x", "s390x-11"])
def test_storage_keys_of_a_real_file(fixtures: Fixtures, name: str) -> None:
    """The guest set the key of page 5: `key.elf` in tools/qemu/firmware.py."""
    with mappedram.open(fixtures[name].path) as snapshot:
        (section,) = (s for s in snapshot.sections if s.idstr == "s390-skeys")
        keys, end = (
            e
            for e in of_kind(snapshot.stream.elements, structures.STORAGE_ATTRIBUTES)
            if section.payload_offset <= e.offset < section.payload_offset + section.payload_length
        )
        assert keys.values["count"] is not None
        values = snapshot.source.read(keys.end, keys.values["count"])
    assert keys.values["count"] == (16 << 20) // 4096
    access_control = {page: key >> 4 for page, key in enumerate(values) if key >> 4}
    assert access_control == {5: 3}
    assert end.values["addr_and_flags"] == 1


def test_storage_attributes_of_a_real_file(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["s390x"].path) as snapshot:
        sections = [s for s in snapshot.sections if s.idstr == "s390-storage_attributes"]
        assert [s.type for s in sections] == [SectionType.START, SectionType.PART, SectionType.END]
        records = list(of_kind(snapshot.stream.elements, structures.STORAGE_ATTRIBUTES))
        assert len(records) > len(sections)
